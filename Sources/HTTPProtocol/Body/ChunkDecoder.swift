// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What ``ChunkDecoder`` found next.
public enum ChunkStep: BitwiseCopyable, Sendable, Equatable {
    /// Body bytes, at this range of the span that was given.
    case data(ByteRange)
    /// All bytes are used up; more are needed.
    case needMore
    /// The last chunk was read; the trailer section follows, for ``TrailerParser``.
    case lastChunk
    /// The body is not acceptable; close the connection.
    case refused(Refusal)
}

/// Takes the chunked transfer coding apart (RFC 9112 §7.1), strictly.
///
///     chunk      = 1*16HEXDIG *( BWS ";" BWS name [ BWS "=" BWS value ] ) CRLF data CRLF
///     last-chunk = 1*16"0"    *( ... ) CRLF
///
/// Every leniency here has been a smuggling hole somewhere: LF alone as the end of a line,
/// octets skipped inside an extension, blanks behind the size, a prefix or sign before it, a size
/// that wraps round, and data not followed by CRLF.
public struct ChunkDecoder: BitwiseCopyable, Sendable {
    private enum Phase: UInt8, BitwiseCopyable {
        case size, sizeLF, data, dataCR, dataLF, finished, failed
        // Inside an extension (RFC 9112 §7.1.1).
        case beforeSemicolon, beforeName, name, afterName, beforeValue
        case value, quoted, escaped, afterQuoted
    }

    // Extensions are of no use to a proxy; what they may cost is bounded: 16 KiB, and one octet
    // more for every 16 of data. The account is kept in sixteenths of an octet, so that it does
    // not depend on how the data was cut into segments.
    private static var extensionAllowance: UInt32 { 16_384 << 4 }

    private var phase = Phase.size
    private var digits: UInt8 = 0
    private var failure = Refusal.chunkSize
    private var excess: UInt32 = 0
    private var remaining: UInt64 = 0

    /// A decoder at the start of a body.
    public init() {}

    /// True when the last chunk has been read.
    public var isFinished: Bool { phase == .finished }

    /// Reads on from `position` and moves it past what is used up.
    ///
    /// The bytes before `position` are never needed again. After ``ChunkStep/lastChunk`` hand
    /// the bytes from `position` on to a ``TrailerParser``.
    public mutating func next(_ bytes: Span<UInt8>, at position: inout Int) -> ChunkStep {
        while true {
            switch phase {
            case .finished: return .lastChunk
            case .failed: return .refused(failure)
            case .data:
                guard position >= 0, position < bytes.count else { return .needMore }
                return takeData(bytes, &position)
            default:
                guard position >= 0, position < bytes.count else { return .needMore }
                if let refusal = take(bytes[position]) {
                    failure = refusal
                    phase = .failed
                    return .refused(refusal)
                }
                position &+= 1
            }
        }
    }

    private mutating func takeData(_ bytes: Span<UInt8>, _ position: inout Int) -> ChunkStep {
        let available = UInt64(truncatingIfNeeded: bytes.count &- position)
        let count = Swift.min(available, remaining, UInt64(UInt32.max))
        let start = position
        position &+= Int(count)
        remaining &-= count
        if remaining == 0 { phase = .dataCR }
        excess &-= Swift.min(excess, UInt32(truncatingIfNeeded: count))
        return .data(ByteRange(from: start, to: position))
    }

    // One octet outside the data.
    @inline(__always)
    private mutating func take(_ octet: UInt8) -> Refusal? {
        switch phase {
        case .size: return takeSize(octet)
        case .sizeLF:
            guard octet == 0x0a else { return .chunkLine }
            phase = remaining == 0 ? .finished : .data
            digits = 0
            return nil
        case .dataCR:
            guard octet == 0x0d else { return .chunkEnd }
            phase = .dataLF
            return nil
        case .dataLF:
            guard octet == 0x0a else { return .chunkEnd }
            phase = .size
            return nil
        default: return takeExtension(octet)
        }
    }

    @inline(__always)
    private mutating func takeSize(_ octet: UInt8) -> Refusal? {
        if let digit = ASCII.hexDigit(octet) {
            // 16 digits fill 64 bits; sizes from 2^63 on are refused at the end of the line.
            guard digits < 16 else { return .chunkSize }
            remaining = remaining << 4 | UInt64(digit)
            digits &+= 1
            return nil
        }
        guard digits > 0, remaining <= UInt64(Int64.max) else { return .chunkSize }
        switch octet {
        case 0x0d: phase = .sizeLF
        case 0x0a: return .chunkLine
        case 0x3b: return spend(.beforeName)
        case 0x20, 0x09: return spend(.beforeSemicolon)
        default: return .chunkSize
        }
        return nil
    }

    // RFC 9112 §7.1.1. An extension is read by its grammar although nothing is made of it: what
    // another parser might take for the end of the line must not be in it.
    private mutating func takeExtension(_ octet: UInt8) -> Refusal? {
        if octet == 0x0a { return .chunkLine }
        if octet == 0x0d {
            switch phase {
            case .name, .value, .afterQuoted:
                phase = .sizeLF
                return nil
            default: return .chunkExtension
            }
        }
        guard let following = ChunkDecoder.following(phase, octet) else { return .chunkExtension }
        return spend(following)
    }

    private mutating func spend(_ following: Phase) -> Refusal? {
        guard excess < ChunkDecoder.extensionAllowance else { return .chunkExtensionLength }
        excess &+= 16
        phase = following
        return nil
    }

    // The phase after an octet other than CR and LF; nil when it may not stand there.
    private static func following(_ phase: Phase, _ octet: UInt8) -> Phase? {
        let isBlank = HeadScan.isBlank(octet)
        let isToken = FieldSyntax.isTokenByte(octet)
        switch phase {
        case .beforeSemicolon:
            return isBlank ? .beforeSemicolon : octet == 0x3b ? .beforeName : nil
        case .beforeName: return isBlank ? .beforeName : isToken ? .name : nil
        case .name, .afterName:
            if phase == .name, isToken { return .name }
            if isBlank { return .afterName }
            return octet == 0x3d ? .beforeValue : octet == 0x3b ? .beforeName : nil
        case .beforeValue:
            if isBlank { return .beforeValue }
            return octet == 0x22 ? .quoted : isToken ? .value : nil
        case .value, .afterQuoted:
            if phase == .value, isToken { return .value }
            return isBlank ? .beforeSemicolon : octet == 0x3b ? .beforeName : nil
        case .quoted:
            if octet == 0x22 { return .afterQuoted }
            if octet == 0x5c { return .escaped }
            return FieldSyntax.isValueByte(octet) ? .quoted : nil
        case .escaped: return FieldSyntax.isValueByte(octet) ? .quoted : nil
        default: return nil
        }
    }
}
