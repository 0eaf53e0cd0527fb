//! What an address is, whatever it is wrapped in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused unless the settings name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The node itself. Fine for a document without a remote host.
    Loopback,
    /// A neighbour on the node's own link, among them most clouds' metadata services.
    LinkLocal,
    /// A cloud's metadata or credentials, outside the link-local range.
    Metadata,
    /// No host at all, which systems take for themselves.
    Unspecified,
    /// Many hosts.
    Multicast,
    /// Every host, or one that never was.
    Reserved,
    /// Whatever a local gateway makes of it: nobody else can tell which IPv4 address it carries.
    LocalTranslation,
}

/// Metadata services that are not link-local: Azure's, Alibaba's, Oracle's classic one.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];

/// AWS's range for services on the instance (metadata, DNS, time, EKS credentials: spec session-types §6.1), Google's,
/// Oracle's and Scaleway's metadata.
const METADATA_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128),
    (Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe), 128),
    (Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42), 128),
];

/// The address that a connection to this one reaches: an IPv4-mapped one is its IPv4 address.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Why the address is refused; none for an ordinary one.
pub(super) fn refused(address: IpAddr) -> Option<Kind> {
    match canonical(address) {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => {
            let carried = embedded(address).into_iter().flatten().filter_map(refused_v4);
            let is_local = matches!(address.segments(), [0x64, 0xff9b, 1, ..]);
            // Of the ways to read a local gateway's address, the wrong ones give zeros.
            let mut carried = carried.filter(|kind| !(is_local && *kind == Kind::Unspecified));
            refused_v6(address).or_else(|| carried.next()).or(is_local.then_some(Kind::LocalTranslation))
        }
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<Kind> {
    Some(match address.octets() {
        [0, ..] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [169, 254, ..] => Kind::LinkLocal,
        [224..=239, ..] => Kind::Multicast,
        [240..=255, ..] => Kind::Reserved,
        _ if METADATA_V4.contains(&address) => Kind::Metadata,
        _ => return None,
    })
}

fn refused_v6(address: Ipv6Addr) -> Option<Kind> {
    let is_metadata =
        |(network, len): &(Ipv6Addr, u32)| (u128::from(address) ^ u128::from(*network)).leading_zeros() >= *len;
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        // Site-local, deprecated: a link-local range by another name.
        [0xfec0..=0xfeff, ..] => Kind::LinkLocal,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        _ if METADATA_V6.iter().any(is_metadata) => Kind::Metadata,
        _ => return None,
    })
}

/// Every IPv4 address that a gateway or the system itself may find in an IPv6 address.
pub(super) fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 6] {
    let octets = address.octets();
    let at = |places: [usize; 4]| Some(Ipv4Addr::from(places.map(|place| octets[place])));
    let last = at([12, 13, 14, 15]);
    let mut found = [None; 6];
    match address.segments() {
        // Compatible and mapped (RFC 4291), translated (RFC 2765), the well-known NAT64 prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            found[0] = last
        }
        // The local NAT64 prefix (RFC 8215), whose gateways may use any of RFC 6052's lengths from 48 on.
        [0x64, 0xff9b, 1, ..] => {
            found = [at([6, 7, 9, 10]), at([7, 9, 10, 11]), at([9, 10, 11, 12]), last, None, None];
        }
        // 6to4 (RFC 3056).
        [0x2002, ..] => found[0] = at([2, 3, 4, 5]),
        // Teredo (RFC 4380): its server, and its client, which is written inverted.
        [0x2001, 0, ..] => found = [at([4, 5, 6, 7]), last.map(|client| !client), None, None, None, None],
        _ => {}
    }
    // ISATAP (RFC 5214), under any prefix.
    if let [_, _, _, _, 0 | 0x200, 0x5efe, ..] = address.segments() {
        found[5] = last;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_they_are_whatever_they_are_wrapped_in() {
        let cases = [
            ("127.0.0.1", Some(Kind::Loopback)),
            ("::1", Some(Kind::Loopback)),
            ("::ffff:127.0.0.1", Some(Kind::Loopback)),
            ("169.254.169.254", Some(Kind::LinkLocal)),
            ("169.254.170.2", Some(Kind::LinkLocal)),
            ("fe80::1", Some(Kind::LinkLocal)),
            ("febf::1", Some(Kind::LinkLocal)),
            ("fd00:ec2::254", Some(Kind::Metadata)),
            ("fd00:ec2::23", Some(Kind::Metadata)),
            ("168.63.129.16", Some(Kind::Metadata)),
            ("100.100.100.200", Some(Kind::Metadata)),
            ("0.0.0.0", Some(Kind::Unspecified)),
            ("::", Some(Kind::Unspecified)),
            ("224.0.0.1", Some(Kind::Multicast)),
            ("ff02::1", Some(Kind::Multicast)),
            ("255.255.255.255", Some(Kind::Reserved)),
            ("::169.254.169.254", Some(Kind::LinkLocal)),
            ("::ffff:0:169.254.169.254", Some(Kind::LinkLocal)),
            ("64:ff9b::169.254.169.254", Some(Kind::LinkLocal)),
            ("64:ff9b:1:a9fe:a9:fe00::", Some(Kind::LinkLocal)),
            ("64:ff9b:1::169.254.169.254", Some(Kind::LinkLocal)),
            ("2002:a9fe:a9fe::1", Some(Kind::LinkLocal)),
            ("2001:0:a9fe:a9fe::1", Some(Kind::LinkLocal)),
            ("2001:0:102:304:0:0:5601:5601", Some(Kind::LinkLocal)),
            ("2001:db8::5efe:169.254.169.254", Some(Kind::LinkLocal)),
            ("64:ff9b:1::10.0.0.1", Some(Kind::LocalTranslation)),
            ("10.0.0.1", None),
            ("100.100.100.201", None),
            ("fd00:ec3::254", None),
            ("2001:db8::a9fe:a9fe", None),
            ("64:ff9b::10.0.0.1", None),
            ("2002:a00:1::1", None),
        ];
        for (text, wanted) in cases {
            let address = text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::BROADCAST));
            assert_eq!(refused(address), wanted, "{text}");
        }
    }
}
