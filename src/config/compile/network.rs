//! `10.0.0.0/8`, or one address.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::reader::Field;

/// The network a field names.
pub(super) fn network(field: &Field<'_>) -> Option<IpNet> {
    let text = field.word("network")?;
    let network = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    if network.is_err() {
        field.error("not a network", "write 10.0.0.0/8, fd00::/8 or one address");
    }
    network.ok().map(|network| network.trunc())
}
