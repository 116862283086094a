// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Why a handshake failed, as one stable word in logs and metrics.
public enum TLSFailure: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    // The peer and its bytes.
    case peerClosed, peerReset, peerAlert, timedOut, plainText, notTLS, malformed
    // What both sides can do.
    case version, cipher, group, signature, applicationProtocol, unknownName
    // Certificates.
    case certificateRefused, certificateMissing, certificateExpired, unknownAuthority, nameMismatch
    case certificateInvalid, noCertificate
    // Ours.
    case outOfMemory, backlog, other, limited

    /// The word.
    public var word: StaticString {
        switch self {
        case .peerClosed: "peer-closed"
        case .peerReset: "peer-reset"
        case .peerAlert: "peer-alert"
        case .timedOut: "timeout"
        case .plainText: "plain-http"
        case .notTLS: "not-tls"
        case .malformed: "malformed"
        case .version: "no-shared-version"
        case .cipher: "no-shared-cipher"
        case .group: "no-shared-group"
        case .signature: "no-shared-signature"
        case .applicationProtocol: "no-shared-protocol"
        case .unknownName: "unknown-name"
        case .certificateRefused: "peer-refused-certificate"
        case .certificateMissing: "certificate-missing"
        case .certificateExpired: "certificate-expired"
        case .unknownAuthority: "unknown-authority"
        case .nameMismatch: "name-mismatch"
        case .certificateInvalid: "certificate-invalid"
        case .noCertificate: "no-certificate"
        case .outOfMemory: "out-of-memory"
        case .backlog: "backlog"
        case .limited: "handshake-rate"
        case .other: "other"
        }
    }
}

extension TLSFailure {
    /// From the reason code of OpenSSL's error queue.
    init(reason: Int32) {
        switch reason {
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: self = .plainText
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_VERSION_TOO_HIGH,
            SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_NO_PROTOCOLS_AVAILABLE,
            SSL_R_BAD_PROTOCOL_VERSION_NUMBER, SSL_R_WRONG_SSL_VERSION:
            self = .version
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_UNKNOWN_PROTOCOL, SSL_R_RECORD_TOO_SMALL,
            SSL_R_PACKET_LENGTH_TOO_LONG:
            self = .notTLS
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_CIPHERS_AVAILABLE, SSL_R_NO_CIPHERS_SPECIFIED:
            self = .cipher
        case SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_GROUPS:
            self = .group
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
            self = .signature
        case SSL_R_NO_APPLICATION_PROTOCOL: self = .applicationProtocol
        case SSL_R_TLSV1_UNRECOGNIZED_NAME, SSL_R_CALLBACK_FAILED: self = .unknownName
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: self = .certificateMissing
        case SSL_R_CERTIFICATE_VERIFY_FAILED: self = .certificateInvalid
        case SSL_R_NO_CERTIFICATE_SET, SSL_R_NO_CERTIFICATE_ASSIGNED: self = .noCertificate
        default: self = TLSFailure(alert: reason)
        }
    }

    /// OpenSSL gives alert N of a peer the reason 1000 + N.
    private init(alert reason: Int32) {
        switch reason {
        // bad, unsupported, revoked, expired, unknown certificate; unknown authority.
        case 1042...1046, 1048: self = .certificateRefused
        case 1070: self = .version
        case 1112: self = .unknownName
        case 1116: self = .certificateMissing
        case 1120: self = .applicationProtocol
        case 1000...1255: self = .peerAlert
        case 0: self = .other
        default: self = .malformed
        }
    }

    /// From the verdict on a peer's certificate.
    init(verdict: Int) {
        switch Int32(truncatingIfNeeded: verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: self = .certificateExpired
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            self = .unknownAuthority
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .nameMismatch
        default: self = .certificateInvalid
        }
    }
}
