// SPDX-License-Identifier: Apache-2.0
internal import CCoding
public import Essentials

/// The coders of one worker: each compresses one answer, and is bounded in number and memory.
@safe public struct ContentCoders: ~Copyable {
    /// What a step is to achieve.
    public enum Step: Int32, Sendable, BitwiseCopyable {
        /// Take what there is.
        case run = 0
        /// And give all that was taken.
        case flush = 1
        /// And end.
        case finish = 2
    }

    /// What came of a step.
    public struct Progress: BitwiseCopyable {
        /// Bytes that were taken.
        public var taken = 0
        /// The step is done; else it needs more room for what it gives.
        public var isDone = false
        /// The coder is of no use any more.
        public var isBroken = false

        /// Nothing yet.
        public init() {}
    }

    private var coders: [UnsafeMutablePointer<mt_coder>?] = unsafe []
    private var free: [Int32] = []
    private let limit: Int

    /// Room for so many coders at a time.
    public init(limit: Int) { self.limit = limit }

    deinit {
        var place = 0
        while unsafe place < coders.count {
            unsafe mt_coder_free(coders[place])
            place += 1
        }
    }

    /// Coders in use.
    public var count: Int { unsafe coders.count - free.count }

    /// Begins one and answers its place; nil at the limit, or without memory.
    public mutating func begin(_ coding: ContentCoding, level: Int) -> Int32? {
        guard count < limit, let coder = unsafe mt_coder_new(kind(coding), Int32(clamping: level))
        else { return nil }
        if let place = free.popLast() {
            unsafe coders[Int(place)] = coder
            return place
        }
        unsafe coders.append(coder)
        return Int32(unsafe coders.count - 1)
    }

    private func kind(_ coding: ContentCoding) -> Int32 {
        switch coding {
        case .gzip: MT_CODING_GZIP
        case .brotli: MT_CODING_BROTLI
        case .zstd: MT_CODING_ZSTD
        }
    }

    /// Ends one, whether or not it is done.
    public mutating func end(_ place: Int32) {
        guard unsafe coders.indices.contains(Int(place)), unsafe coders[Int(place)] != nil else {
            return
        }
        unsafe mt_coder_free(coders[Int(place)])
        unsafe coders[Int(place)] = nil
        free.append(place)
    }

    /// Takes bytes and appends what comes of them, at most `most` bytes.
    @_lifetime(output: copy output)
    public func step(
        _ place: Int32,
        _ step: Step,
        _ input: Span<UInt8>,
        most: Int,
        into output: inout OutputSpan<UInt8>
    ) -> Progress {
        guard unsafe coders.indices.contains(Int(place)), let coder = unsafe coders[Int(place)]
        else {
            var none = Progress()
            none.isBroken = true
            return none
        }
        var progress = Progress()
        var result: Int32 = -1
        unsafe input.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
                guard let base = buffer.baseAddress else { return }
                var given = 0
                result = unsafe mt_coder_step(
                    coder,
                    step.rawValue,
                    source.baseAddress,
                    source.count,
                    base + initialized,
                    min(most, buffer.count - initialized),
                    &progress.taken,
                    &given
                )
                initialized += given
            }
        }
        progress.isDone = result == 1
        progress.isBroken = result < 0
        return progress
    }
}
