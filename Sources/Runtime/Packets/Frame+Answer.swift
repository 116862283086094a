// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Answers: the question's addresses and ports the other way round, so that no route and no
/// neighbour has to be looked up.
extension Frame {
    /// Hops that an answer may take: the default of Linux.
    static let hopLimit: UInt8 = 64

    /// Writes the head of the answer to a frame; its data stand behind the place of the head
    /// already.
    ///
    /// Returns the octets of the whole frame; 0 when it does not fit.
    public func writeHead(
        answering question: Span<UInt8>,
        dataCount: Int,
        into answer: inout MutableSpan<UInt8>
    ) -> Int {
        let head = headCount
        let length = dataCount &+ Frame.headerUDP
        guard dataCount >= 0, dataCount <= 0xffff &- 64, question.count >= head,
            answer.count >= head &+ dataCount
        else { return 0 }
        for place in 0..<6 {
            answer[place] = question[place &+ 6]
            answer[place &+ 6] = question[place]
        }
        answer[12] = question[12]
        answer[13] = question[13]
        let udp = head &- Frame.headerUDP
        if isIPv4 {
            writeIPv4(answering: question, length: length, into: &answer)
        } else {
            writeIPv6(answering: question, length: length, into: &answer)
        }
        Frame.put(destination.port, at: udp, &answer)
        Frame.put(source.port, at: udp &+ 2, &answer)
        Frame.put(UInt16(truncatingIfNeeded: length), at: udp &+ 4, &answer)
        Frame.put(0, at: udp &+ 6, &answer)
        var sum = InternetChecksum()
        let addresses = isIPv4 ? Frame.ethernet &+ 12 : Frame.ethernet &+ 8
        sum.add(answer.span, from: addresses, count: udp &- addresses)
        sum.add(17)
        sum.add(UInt16(truncatingIfNeeded: length))
        sum.add(answer.span, from: udp, count: length)
        // RFC 768: a sum of zero is sent as all ones, since zero says that there is none.
        Frame.put(sum.value == 0 ? 0xffff : sum.value, at: udp &+ 6, &answer)
        return head &+ dataCount
    }

    private func writeIPv4(
        answering question: Span<UInt8>,
        length: Int,
        into answer: inout MutableSpan<UInt8>
    ) {
        let start = Frame.ethernet
        answer[start] = 0x45
        answer[start &+ 1] = 0
        Frame.put(
            UInt16(truncatingIfNeeded: length &+ Frame.headerIPv4),
            at: start &+ 2,
            &answer
        )
        // What may not be taken apart needs no identification (RFC 6864 §4.1).
        Frame.put(0, at: start &+ 4, &answer)
        Frame.put(0x4000, at: start &+ 6, &answer)
        answer[start &+ 8] = Frame.hopLimit
        answer[start &+ 9] = 17
        Frame.put(0, at: start &+ 10, &answer)
        for place in 0..<4 {
            answer[start &+ 12 &+ place] = question[start &+ 16 &+ place]
            answer[start &+ 16 &+ place] = question[start &+ 12 &+ place]
        }
        var sum = InternetChecksum()
        sum.add(answer.span, from: start, count: Frame.headerIPv4)
        Frame.put(sum.value, at: start &+ 10, &answer)
    }

    private func writeIPv6(
        answering question: Span<UInt8>,
        length: Int,
        into answer: inout MutableSpan<UInt8>
    ) {
        let start = Frame.ethernet
        Frame.put(0x6000, at: start, &answer)
        Frame.put(0, at: start &+ 2, &answer)
        Frame.put(UInt16(truncatingIfNeeded: length), at: start &+ 4, &answer)
        answer[start &+ 6] = 17
        answer[start &+ 7] = Frame.hopLimit
        for place in 0..<16 {
            answer[start &+ 8 &+ place] = question[start &+ 24 &+ place]
            answer[start &+ 24 &+ place] = question[start &+ 8 &+ place]
        }
    }

    @inline(__always)
    private static func put(_ number: UInt16, at place: Int, _ bytes: inout MutableSpan<UInt8>) {
        bytes[place] = UInt8(truncatingIfNeeded: number >> 8)
        bytes[place &+ 1] = UInt8(truncatingIfNeeded: number)
    }
}
