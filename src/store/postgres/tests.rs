//! A real PostgreSQL: what every server must do, and what only this one can do wrong.

#![allow(clippy::unwrap_used)]

use crate::server::tests as common;
use crate::{StoreError, open};

#[test]
fn it_conforms() {
    common::conforms(servers::postgres());
}

#[test]
fn nodes_that_share_purses_take_what_there_is_and_no_more() {
    common::nodes_share_purses(servers::postgres());
}

#[test]
fn nodes_that_start_together_migrate_once() {
    common::nodes_start_together(servers::postgres());
}

#[test]
fn what_was_spent_before_there_were_purses_is_in_them() {
    common::sums_become_purses(servers::postgres(), servers::Kind::Postgres);
}

#[test]
fn a_newer_schema_is_refused() {
    common::newer_schema(servers::postgres());
}

#[test]
fn accounts_come_to_a_store_that_had_none() {
    common::accounts_come(servers::postgres());
}

#[test]
fn a_batch_is_kept_whole_or_not_at_all() {
    common::whole_batches(servers::postgres());
}

#[test]
fn nodes_that_count_the_same_usage_do_not_block_each_other() {
    common::shared_sums(servers::postgres());
}

#[test]
fn leases_do_not_wait_for_an_admins_question() {
    let lock = "BEGIN; LOCK TABLE requests; SELECT pg_sleep(4)";
    common::leases_go_ahead(servers::postgres(), lock, "COMMIT");
}

#[test]
fn a_server_that_goes_and_comes_back_loses_and_doubles_nothing() {
    common::comes_back(servers::Kind::Postgres);
}

#[test]
fn a_gateway_starts_before_its_server() {
    common::starts_first(servers::Kind::Postgres);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    common::silent("postgres://u:secret@127.0.0.1:{}/d");
}

#[test]
fn wrong_accounts_and_databases_end_the_start_without_their_password() {
    common::refused(servers::postgres());
}

#[test]
fn tls_is_what_the_address_asks_for() {
    let server = servers::postgres();
    let url = server.database();
    let encrypted = |options: &str| {
        let store = open(&format!("{url}?{options}")).unwrap();
        store.ping().unwrap();
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'tollgate' AND datname = current_database()";
        server.sql(&url, sql) == "t"
    };
    let ca = server.certificate();
    let ca = ca.display();
    assert!(!encrypted("sslmode=disable"));
    assert!(encrypted("sslmode=prefer"));
    assert!(encrypted("sslmode=require"));
    assert!(encrypted(&format!("sslmode=verify-full&sslrootcert={ca}")));
    assert!(encrypted(&format!("sslmode=verify-ca&sslrootcert={ca}")));
    common::untrusted(&url);
}

#[test]
fn a_socket_will_do() {
    let server = servers::postgres();
    let url = server.database();
    let (front, database) = url.rsplit_once('/').unwrap();
    let (account, _) = front.rsplit_once('@').unwrap();
    let (folder, port) = (server.socket(), server.port());
    let url = format!(
        "{account}@/{database}?host={}&port={port}",
        folder.display()
    );
    open(&url).unwrap().ping().unwrap();
}

#[test]
fn the_password_is_needed() {
    let url = servers::postgres().database();
    let (front, place) = url.rsplit_once('@').unwrap();
    let (front, _) = front.rsplit_once(':').unwrap();
    let error = open(&format!("{front}@{place}")).err().unwrap();
    assert!(matches!(error, StoreError::Server { .. }), "{error}");
}
