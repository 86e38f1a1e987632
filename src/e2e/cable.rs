//! A connection that a test can cut: what crosses it is lost, and nobody is told.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Carries TCP connections to another address, until it is cut. Stops when dropped.
pub struct Cable {
    /// Where it is connected to.
    pub addr: SocketAddr,
    cut: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Cable {
    /// To a port on this machine.
    pub async fn to(port: u16) -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("loopback has a free port");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (cut, is_cut) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, port, is_cut.clone()));
            }
        });
        Cable { addr, cut, task }
    }

    /// Both sides hear nothing more, of connections that are there and of new ones.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Connections that were cut are closed; new ones are carried.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut near: TcpStream, port: u16, mut is_cut: watch::Receiver<bool>) {
    let carried = async {
        let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        tokio::select! {
            ended = tokio::io::copy_bidirectional(&mut near, &mut far) => return ended.map(drop),
            _ = is_cut.wait_for(|cut| *cut) => {}
        }
        // Open, and silent.
        let _ = is_cut.wait_for(|cut| !*cut).await;
        Ok::<_, std::io::Error>(())
    };
    // Whoever is carried sees the connection close, as it would without the cable.
    let _ = carried.await;
}
