//! Is granted every name below a top-level domain, which a flow must not grant.
//! allow.network = ["*.localhost:$PORT"]
//! expect: rejected: top-level domain
//! needs: network

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    Ok("ran".to_owned())
}
