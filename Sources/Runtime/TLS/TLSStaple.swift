// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Why an OCSP response is not stapled to a certificate (RFC 6960).
public enum TLSStapleProblem: UInt8, Error, Equatable, Sendable {
    /// Not the DER form of a response.
    case damaged = 1
    /// The responder would not say.
    case refused
    /// It is about another certificate.
    case other
    /// It says that the certificate is revoked, or that nobody knows it.
    case notGood
    /// Its signature is not of the certificate's issuer, nor of one that it has named.
    case forged
    /// Its time has not begun.
    case early
    /// Its time is over.
    case over
    /// It does not say until when it holds.
    case endless
    /// OpenSSL has no memory.
    case outOfMemory

    /// What is wrong, to stand behind the name of the file.
    public var reason: String {
        switch self {
        case .damaged: "is no OCSP response in DER"
        case .refused: "holds the refusal of a responder"
        case .other: "is about another certificate"
        case .notGood: "does not call the certificate good"
        case .forged: "is not signed for the issuer of the certificate"
        case .early: "is of the future"
        case .over: "is over: its nextUpdate has passed"
        case .endless: "does not say when it ends: it has no nextUpdate"
        case .outOfMemory: "finds no memory"
        }
    }
}

extension TLSCertificate {
    /// Gives the certificate a response that clients get who ask for one; its end, in seconds
    /// since 1970, after which they get none.
    ///
    /// To be called before any context has the certificate. The signature is checked where the
    /// chain holds the issuer; without it names and serial number are compared.
    public func staple(_ response: [UInt8], now: Int64) throws(TLSStapleProblem) -> Int64 {
        var ends: Int64 = 0
        let verdict = unsafe mt_staple_check(
            response,
            response.count,
            leaf,
            chain,
            now,
            &ends
        )
        if verdict != 0 {
            throw TLSStapleProblem(rawValue: UInt8(truncatingIfNeeded: verdict)) ?? .damaged
        }
        let isAttached = unsafe mt_staple_attach(
            leaf,
            OpenSSL.stapleIndex,
            response,
            response.count,
            ends
        )
        guard isAttached == 1 else { throw .outOfMemory }
        return ends
    }
}
