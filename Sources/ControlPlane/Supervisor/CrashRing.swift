// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import Runtime

/// The request that each worker began last, in memory that outlives the process.
///
/// One place per worker: two bytes of length in network order, then the first bytes of the head as
/// they came. A worker that dies in a request leaves that request here.
public enum CrashRing {
    /// Bytes of one worker's place.
    public static let placeSize = 512
    static let lengthSize = 2

    /// Bytes for so many workers.
    public static func size(workers: Int) -> Int { Swift.max(workers, 1) * placeSize }

    /// The bytes that each worker left; empty where there are none.
    static func read(_ memory: SharedMemory) -> [[UInt8]] {
        (0..<memory.count / placeSize).map { worker in
            let place = memory.read(at: worker * placeSize, length: placeSize)
            guard place.count > lengthSize else { return [] }
            let length = Int(place[0]) << 8 | Int(place[1])
            return Array(place.dropFirst(lengthSize).prefix(length))
        }
    }

    /// Forgets all requests.
    static func clear(_ memory: SharedMemory) {
        memory.write([UInt8](repeating: 0, count: memory.count).span, at: 0)
    }
}
