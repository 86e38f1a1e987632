//! A real MariaDB: what every server must do, and what only this one can do wrong.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use config::database::Address;
use deadpool::managed::Manager;
use mysql_async::prelude::Queryable;

use super::connect::{Connect, SILENCE, bound_silence};
use crate::open;
use crate::server::{Blocking, KEEPALIVE, SERVER_ANSWER, tests as common};

#[test]
fn it_conforms() {
    common::conforms(servers::mariadb());
}

#[test]
fn nodes_that_share_purses_take_what_there_is_and_no_more() {
    common::nodes_share_purses(servers::mariadb());
}

#[test]
fn nodes_that_start_together_migrate_once() {
    common::nodes_start_together(servers::mariadb());
}

#[test]
fn what_was_spent_before_there_were_purses_is_in_them() {
    common::sums_become_purses(servers::mariadb(), servers::Kind::MariaDb);
}

#[test]
fn a_newer_schema_is_refused() {
    common::newer_schema(servers::mariadb());
}

#[test]
fn accounts_come_to_a_store_that_had_none() {
    common::accounts_come(servers::mariadb());
}

#[test]
fn a_migration_that_was_cut_is_run_again() {
    common::accounts_come_again(servers::mariadb());
}

#[test]
fn a_batch_is_kept_whole_or_not_at_all() {
    common::whole_batches(servers::mariadb());
}

#[test]
fn nodes_that_count_the_same_usage_do_not_block_each_other() {
    common::shared_sums(servers::mariadb());
}

#[test]
fn leases_do_not_wait_for_an_admins_question() {
    let lock = "LOCK TABLES requests WRITE; SELECT SLEEP(4)";
    common::leases_go_ahead(servers::mariadb(), lock, "UNLOCK TABLES");
}

#[test]
fn a_transaction_that_nobody_goes_on_with_ends() {
    let Address::MySql(server) = servers::mariadb().database().parse().unwrap() else {
        panic!("a MySQL server");
    };
    let connect = Connect::new(&server).unwrap();
    let blocking = Blocking::new().unwrap();
    blocking.wait(async {
        let mut connection = connect.create().await.unwrap();
        let bound = connection.query_first("SELECT @@SESSION.idle_transaction_timeout");
        assert_eq!(bound.await.unwrap(), Some(SERVER_ANSWER.as_secs()));

        let second = Duration::from_secs(1);
        let bounds = [("idle_transaction_timeout", second)];
        bound_silence(&mut connection, &bounds).await.unwrap();
        connection.query_drop("START TRANSACTION").await.unwrap();
        connection.query_drop("SELECT 1").await.unwrap();
        tokio::time::sleep(2 * second).await;
        connection.query_drop("SELECT 1").await.unwrap_err();

        let mut other = connect.create().await.unwrap();
        let bounds = [("what_this_server_does_not_know", second), SILENCE[1]];
        bound_silence(&mut other, &bounds).await.unwrap();
        let bound = other.query_first("SELECT @@SESSION.wait_timeout");
        assert_eq!(bound.await.unwrap(), Some(KEEPALIVE.as_secs()));
        let bounds = [("what_this_server_does_not_know", second)];
        bound_silence(&mut other, &bounds).await.unwrap();
    });
}

#[test]
fn a_server_that_goes_and_comes_back_loses_and_doubles_nothing() {
    common::comes_back(servers::Kind::MariaDb);
}

#[test]
fn a_gateway_starts_before_its_server() {
    common::starts_first(servers::Kind::MariaDb);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    common::silent("mysql://u:secret@127.0.0.1:{}/d");
}

#[test]
fn wrong_accounts_and_databases_end_the_start_without_their_password() {
    common::refused(servers::mariadb());
}

#[test]
fn tls_is_what_the_address_asks_for() {
    let server = servers::mariadb();
    let url = server.database();
    // An account that the server lets in only over TLS.
    server.sql(
        "",
        "CREATE USER 'safe'@'%' IDENTIFIED BY 'x' REQUIRE SSL; GRANT ALL ON *.* TO 'safe'@'%'",
    );
    let (_, place) = url.rsplit_once('@').unwrap();
    let safe = format!("mysql://safe:x@{place}");
    let works = |options: &str| open(&format!("{safe}?{options}")).is_ok();
    let ca = server.certificate();
    let ca = ca.display();
    assert!(!works("sslmode=disable"));
    assert!(works("sslmode=prefer"));
    assert!(works("sslmode=require"));
    assert!(works("tls=skip-verify"));
    assert!(works(&format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}")));
    assert!(works(&format!("ssl-mode=VERIFY_CA&ssl-ca={ca}")));
    common::untrusted(&url);
}

#[test]
fn a_socket_will_do() {
    let server = servers::mariadb();
    let url = server.database();
    let socket = server.socket();
    open(&format!("{url}?socket={}", socket.display()))
        .unwrap()
        .ping()
        .unwrap();
}

#[test]
fn the_form_of_go_will_do() {
    let server = servers::mariadb();
    let url = server.database();
    let (_, database) = url.rsplit_once('/').unwrap();
    let (user, password, port) = (servers::USER, servers::PASSWORD, server.port());
    let dsn = format!("{user}:{password}@tcp(127.0.0.1:{port})/{database}?charset=utf8mb4");
    open(&dsn).unwrap().ping().unwrap();
}
