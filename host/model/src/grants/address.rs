//! Which part of the world an address belongs to.
//!
//! The ranges are those of the IANA special-purpose address registries (RFC 6890 and its updates), and of IPv6 forms that carry an
//! IPv4 address (mapped, compatible, NAT64, 6to4, Teredo, ISATAP): these are judged by what they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// The public internet.
    Public,
    /// This machine, its networks, a cloud's metadata, or nothing that answers: reached only if a grant names the address.
    Special,
}

/// Where `address` leads.
pub fn reach(address: IpAddr) -> Reach {
    let special = match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => is_special_v6(address),
    };
    if special { Reach::Special } else { Reach::Public }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    matches!(
        (a, b, c),
        (0 | 10 | 127, ..)                      // this network, private, loopback
            | (100, 64..=127, _)                // shared by carriers; also the metadata of one cloud
            | (169, 254, _)                     // link-local; metadata of most clouds
            | (172, 16..=31, _)                 // private
            | (192, 0, 0 | 2)                   // protocol assignments, documentation
            | (192, 31 | 52, _) | (192, 175, 48) // AS112, AMT
            | (192, 88, 99)                     // 6to4 relays
            | (192, 168, _)                     // private
            | (198, 18 | 19, _) | (198, 51, 100) // benchmarks, documentation
            | (203, 0, 113)                     // documentation
            | (168, 63, 129)                    // metadata of one cloud, in public space
            | (224..=255, ..) // multicast, reserved, broadcast
    )
}

fn is_special_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // NAT64 of a network's own: where it puts the IPv4 address is for the network to say.
    if segments[..3] == [0x64, 0xff9b, 1] {
        return true;
    }
    match carried_v4(&segments) {
        // These prefixes mean nothing but the address that they carry.
        Some((inner, true)) => return is_special_v4(inner),
        Some((inner, false)) if is_special_v4(inner) => return true,
        _ => {}
    }
    // Only 2000::/3 is given out as global unicast; all else is loopback, local, multicast or unassigned.
    !(0x2000..=0x3fff).contains(&segments[0])
        || (segments[0] == 0x2001 && segments[1] < 0x0200)    // protocol assignments, Teredo, ORCHID, benchmarks
        || (segments[0] == 0x2001 && segments[1] == 0x0db8)   // documentation
        || (segments[0] == 0x3fff && segments[1] < 0x1000)    // documentation
        || (segments[0] == 0x2620 && segments[1] == 0x004f && segments[2] == 0x8000) // AS112
}

/// The IPv4 address that an IPv6 address stands for, and whether that is all that it means.
fn carried_v4(segments: &[u16; 8]) -> Option<(Ipv4Addr, bool)> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match *segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Mapped, compatible, translated.
        [0, 0, 0, 0, 0 | 0xffff, 0 | 0xffff, high, low] => Some((v4(high, low), true)),
        // NAT64, with the well-known prefix.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((v4(high, low), true)),
        // 6to4.
        [0x2002, high, low, ..] => Some((v4(high, low), true)),
        // ISATAP, under any prefix.
        [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] => Some((v4(high, low), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_addresses_are_special_in_every_form() {
        for text in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2a00::5efe:192.168.0.1",
            "100::1",
            "fd00:1::5efe:808:808",
            "fe80::5efe:808:808",
            "2001:db8::5efe:808:808",
            "64:ff9b:1::808:808",
            "64:ff9b:1:a00:0:100:808:808",
            "64:ff9b:0:1::808:808",
            "5f00::1",
        ] {
            assert_eq!(reach(text.parse().expect(text)), Reach::Special, "{text}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "2a00:1450::1",
        ] {
            assert_eq!(reach(text.parse().expect(text)), Reach::Public, "{text}");
        }
    }
}
