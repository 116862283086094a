// SPDX-License-Identifier: Apache-2.0
internal import HTTPGateway
internal import Runtime

/// The request that each worker began last, in memory that outlives the process.
///
/// One place per worker: the first bytes of the head as they came, then a zero. A worker that dies
/// in a request leaves that request here.
enum CrashRing {
    /// Bytes of one worker's place.
    static let placeSize = GatewayShared.lastRequestBytes

    /// Bytes for so many workers.
    static func size(workers: Int) -> Int { max(workers, 1) * placeSize }

    /// The bytes that each worker left; empty where there are none.
    static func read(_ memory: SharedMemory) -> [[UInt8]] {
        (0..<memory.count / placeSize).map { worker in
            Array(memory.read(at: worker * placeSize, length: placeSize).prefix { $0 != 0 })
        }
    }

    /// Forgets all requests.
    static func clear(_ memory: SharedMemory) {
        memory.write([UInt8](repeating: 0, count: memory.count).span, at: 0)
    }
}
