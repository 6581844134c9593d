//! Names hosts of a MiB in as many requests as it may hold, so that the host keeps them.
//! allow.http = ["GET http://a.example.com/*"]
//! expect: ok: refused all

use wasip2::http::types::{Fields, OutgoingRequest};

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let host = "a".repeat(1 << 20);
    let mut ways = crate::Ways::default();
    let mut kept = Vec::new();
    for _ in 0..200 {
        let request = OutgoingRequest::new(Fields::new());
        ways.tried("a long host", request.set_authority(Some(&host)).map_err(|()| "refused"));
        kept.push(request);
    }
    ways.verdict()
}
