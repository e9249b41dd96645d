/** What is wrong with a certificate or with TLS, and who can mend it; each problem has a sentence of its own. */
const PROBLEMS: readonly (readonly [code: RegExp, sentence: string])[] = [
  [
    /^CERT_HAS_EXPIRED$/,
    "has a certificate that has expired; whoever runs it must renew it (is the clock of this machine right?)",
  ],
  [/^CERT_NOT_YET_VALID$/, "has a certificate that is not valid yet; is the clock of this machine right?"],
  [
    /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    "has a certificate for another host; check the host name in tokenEndpoint, or whoever runs it must add the name",
  ],
  [
    /^UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)$/,
    "has a certificate whose CA is not known here; set tls.caFile to that CA, or to the one that issued it " +
      "(whoever runs it may have to send the whole chain)",
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)$/,
    "has a self-signed certificate; set tls.caFile to it where it is meant to be trusted",
  ],
  [
    /^(UNSPECIFIED|EE_KEY_TOO_SMALL|CA_KEY_TOO_SMALL|CA_MD_TOO_WEAK)$/,
    "has a certificate whose key or signature is too weak (RSA below 2048 bits, SHA-1); whoever runs it must replace " +
      "it",
  ],
  [/^CERT_REVOKED$/, "has a certificate that was revoked; whoever runs it must replace it"],
  [
    /^ERR_SSL_\w*(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|ALERT_UNKNOWN_CA|NO_CERTIFICATE)$/,
    "ends the handshake: it wants a client certificate (mutual TLS), or no cipher is shared",
  ],
  [
    /^ERR_SSL_\w*(PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW)$/,
    "speaks an old version of TLS only; whoever runs it must offer TLS 1.2 or newer",
  ],
  [
    /^(ERR_SSL_\w*WRONG_VERSION_NUMBER|ERR_SSL_\w*PACKET_LENGTH_TOO_LONG)$/,
    "speaks no TLS there; check scheme and port",
  ],
];
const CERTIFICATE =
  /^(ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|UND_ERR_PRX_TLS)/;
const TLS = /^(ERR_SSL|ERR_OSSL|EPROTO$)/;

/** One sentence with its remedy, of a code of Node's TLS; undefined for any other code. */
export function tlsProblem(code: string): string | undefined {
  const known = PROBLEMS.find(([pattern]) => pattern.test(code))?.[1];
  if (known !== undefined) return `${known} (${code})`;
  if (CERTIFICATE.test(code)) {
    return `has a certificate that is not trusted (${code}); set tls.caFile if it is signed by a CA of your own`;
  }
  return TLS.test(code) ? `breaks the rules of TLS (${code}); check scheme and port` : undefined;
}
