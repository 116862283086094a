// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Runtime

@Suite struct SignatureCacheTests {
    private func signature(_ number: UInt8) -> [64 of UInt8] { InlineArray(repeating: number) }

    private func found(_ cache: SignatureCache, _ digest: Digest128) -> [UInt8] {
        [UInt8](capacity: 64) { (output: inout OutputSpan<UInt8>) in
            _ = cache.find(digest, into: &output)
        }
    }

    private func digest(_ cache: SignatureCache, _ number: Int, signer: UInt64 = 1) -> Digest128 {
        cache.digest(Array("\(number)".utf8).span, signer: signer)
    }

    @Test func `a signature is found by what it is of, and by its key`() {
        let cache = SignatureCache(capacity: 64)
        #expect(cache.capacity == 64)
        cache.keep(digest(cache, 1), signature(7))
        #expect(found(cache, digest(cache, 1)) == [UInt8](repeating: 7, count: 64))
        #expect(found(cache, digest(cache, 2)).isEmpty)
        #expect(found(cache, digest(cache, 1, signer: 2)).isEmpty)
        #expect(cache.count == 1)
        // Half of a digest is not enough.
        var other = digest(cache, 1)
        other.high ^= 1
        #expect(found(cache, other).isEmpty)
    }

    @Test func `caches have secrets of their own`() {
        let (one, two) = (SignatureCache(capacity: 4), SignatureCache(capacity: 4))
        #expect(digest(one, 1) != digest(two, 1))
    }

    @Test func `there are never more than the capacity`() {
        let cache = SignatureCache(capacity: 100)
        #expect(cache.capacity == 128)
        for number in 0..<10_000 { cache.keep(digest(cache, number), signature(1)) }
        #expect(cache.count <= 128 && cache.count > 100)
    }

    @Test func `what is asked for again outlives a flood of others`() {
        // By a secret of its own more than four of them may share a set, now and then.
        let cache = SignatureCache(capacity: 256, key: SipKey(1, 2))
        let popular = (0..<64).map { digest(cache, $0) }
        for (number, digest) in popular.enumerated() where found(cache, digest).isEmpty {
            cache.keep(digest, signature(UInt8(number)))
        }
        var lost = 0
        for number in 0..<20_000 {
            let place = number % 64
            if found(cache, popular[place]).isEmpty {
                lost += 1
                cache.keep(popular[place], signature(UInt8(place)))
            } else {
                #expect(found(cache, popular[place])[0] == UInt8(place))
            }
            cache.keep(digest(cache, 1000 + number), signature(255))
        }
        #expect(lost < 1000, "\(lost) of 20,000")
    }

    @Test func `a full output gets nothing`() {
        let cache = SignatureCache(capacity: 4)
        cache.keep(digest(cache, 1), signature(7))
        let bytes = [UInt8](capacity: 63) { (output: inout OutputSpan<UInt8>) in
            let isFound = cache.find(digest(cache, 1), into: &output)
            #expect(!isFound)
        }
        #expect(bytes.isEmpty)
    }
}
