// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CMaxMindDB
public import Essentials
internal import Glibc

/// A file of MaxMind's database format, version 2, to be read once from end to end.
///
/// The file is copied into memory of our own first: a file that is replaced or cut while it is
/// mapped would end the process by SIGBUS. For one thread, and never a worker: it blocks.
@safe public final class MaxMindDatabase {
    /// Why a file cannot be used.
    public struct Fault: Error, Equatable, Sendable {
        /// The rest of a sentence about the file: `is cut off`.
        public let reason: String

        /// A fault by the rest of a sentence about the file.
        public init(_ reason: String) { self.reason = reason }
    }

    /// What a record says of a network.
    public struct Place: Sendable {
        /// Two letters.
        public var continent: String?
        /// Two letters (ISO 3166-1 alpha-2).
        public var country: String?
        /// The part behind the country's of an ISO 3166-2 code.
        public var subdivision: String?
        /// The name in English.
        public var city: String?
        /// Degrees.
        public var latitude: Double?
        /// Degrees.
        public var longitude: Double?
        /// Number of the autonomous system.
        public var system: UInt32?
    }

    /// What kind of database it says to be, such as `GeoLite2-City`.
    public let kind: String
    /// When it was built, in seconds since 1970.
    public let builtAt: Int64

    /// The longest name of a city, in bytes.
    private static let nameLimit = 128
    private let isIPv6: Bool
    private let nodeCount: UInt32
    private let handle: UnsafeMutablePointer<MMDB_s>

    /// Copies the file at a descriptor, at most `limit` bytes, and opens the copy.
    public init(copyOf file: FileDescriptor, limit: Int) throws(Fault) {
        let memory = try MaxMindDatabase.copy(file, limit: limit)
        // The library maps what it opens; the mapping outlives the descriptor.
        defer { memory.close() }
        let handle = UnsafeMutablePointer<MMDB_s>.allocate(capacity: 1)
        let status = unsafe MMDB_open("/proc/self/fd/\(memory.raw)", 0, handle)
        guard status == MMDB_SUCCESS else {
            unsafe handle.deallocate()
            throw MaxMindDatabase.fault(status)
        }
        let metadata = unsafe handle.pointee.metadata
        unsafe self.handle = handle
        unsafe kind = metadata.database_type.map { unsafe String(cString: $0) } ?? ""
        unsafe builtAt = Int64(clamping: metadata.build_epoch)
        unsafe nodeCount = metadata.node_count
        let version = unsafe metadata.ip_version
        isIPv6 = version == 6
        // The library has refused other record sizes and versions of the format.
        guard version == 4 || isIPv6, nodeCount > 0 else {
            throw Fault("says that it is for IP version \(version)")
        }
    }

    deinit {
        unsafe MMDB_close(handle)
        unsafe handle.deallocate()
    }

    /// Calls `body` for every network with a record, in ascending order, IPv4 as IPv4.
    ///
    /// Ranges of IPv6 that databases make aliases of IPv4 are left out.
    public func walk(_ body: (Prefix, _ record: UInt32) throws(Fault) -> Void) throws(Fault) {
        var visits: UInt32 = 0
        var waiting = [Branch(kind: UInt8(MMDB_RECORD_TYPE_SEARCH_NODE), value: 0)]
        while let branch = waiting.popLast() {
            guard !(isIPv6 && branch.isAlias) else { continue }
            switch Int32(branch.kind) {
            case MMDB_RECORD_TYPE_EMPTY: continue
            case MMDB_RECORD_TYPE_DATA:
                guard let prefix = branch.prefix(isIPv6: isIPv6) else { continue }
                // One that is wider than all of IPv4, which has the last 32 bits of `::/96`.
                if isIPv6, branch.depth < 96, branch.bits == 0,
                    let all = Prefix(IPAddress(v4: 0), length: 0)
                {
                    try body(all, branch.record)
                }
                try body(prefix, branch.record)
            case MMDB_RECORD_TYPE_SEARCH_NODE:
                // A tree has each node once: whatever refers to one twice might have no end.
                visits += 1
                guard visits <= nodeCount, branch.depth < (isIPv6 ? 128 : 32) else {
                    throw Fault("has a search tree that runs in circles")
                }
                waiting += try children(of: branch).reversed()
            default: throw Fault("has a search tree that points outside")
            }
        }
    }

    /// What a record says.
    public func place(_ record: UInt32) throws(Fault) -> Place {
        var found = unsafe mt_mmdb_place()
        let status = unsafe mt_mmdb_read_place(handle, record, &found)
        guard status == MMDB_SUCCESS else { throw MaxMindDatabase.fault(status) }
        let hasPoint = unsafe found.has_point
        return unsafe Place(
            continent: MaxMindDatabase.text(found.continent, 2...2),
            country: MaxMindDatabase.text(found.country, 2...2),
            subdivision: MaxMindDatabase.text(found.subdivision, 1...3),
            city: MaxMindDatabase.text(found.city, 1...MaxMindDatabase.nameLimit),
            latitude: hasPoint ? found.latitude : nil,
            longitude: hasPoint ? found.longitude : nil,
            system: found.system == 0 ? nil : found.system
        )
    }

    /// A part of the tree that is yet to be walked.
    private struct Branch {
        var kind: UInt8
        var value: UInt32
        var record: UInt32 = 0
        var bits: UInt128 = 0
        var depth = 0

        /// IPv4-mapped and translated addresses, Teredo and 6to4.
        var isAlias: Bool {
            switch depth {
            case 16: bits == 0x2002 << 112
            case 32: bits == 0x2001 << 112
            case 96: bits == 0xffff << 32 || bits == 0x0064_ff9b << 96
            default: false
            }
        }

        func prefix(isIPv6: Bool) -> Prefix? {
            if !isIPv6 {
                return Prefix(IPAddress(v4: UInt32(truncatingIfNeeded: bits >> 96)), length: depth)
            }
            guard depth >= 96, bits >> 32 == 0 else {
                return Prefix(IPAddress(v6: bits), length: depth)
            }
            return Prefix(IPAddress(v4: UInt32(truncatingIfNeeded: bits)), length: depth - 96)
        }
    }

    private func children(of branch: Branch) throws(Fault) -> [Branch] {
        var node = unsafe MMDB_search_node_s()
        let status = unsafe MMDB_read_node(handle, branch.value, &node)
        guard status == MMDB_SUCCESS else { throw MaxMindDatabase.fault(status) }
        let depth = branch.depth + 1
        return unsafe [
            Branch(
                kind: node.left_record_type,
                value: UInt32(truncatingIfNeeded: node.left_record),
                record: node.left_record_entry.offset,
                bits: branch.bits,
                depth: depth
            ),
            Branch(
                kind: node.right_record_type,
                value: UInt32(truncatingIfNeeded: node.right_record),
                record: node.right_record_entry.offset,
                bits: branch.bits | 1 << UInt128(128 - depth),
                depth: depth
            ),
        ]
    }

    private static func text(_ text: mt_mmdb_text, _ lengths: ClosedRange<Int>) -> String? {
        let count = unsafe Int(text.count)
        guard let bytes = unsafe text.bytes, lengths.contains(count) else { return nil }
        return unsafe bytes.withMemoryRebound(to: UInt8.self, capacity: count) {
            unsafe String(decoding: UnsafeBufferPointer(start: $0, count: count), as: UTF8.self)
        }
    }

    private static func fault(_ status: Int32) -> Fault {
        switch status {
        case MMDB_UNKNOWN_DATABASE_FORMAT_ERROR, MMDB_INVALID_METADATA_ERROR:
            Fault("is no database of MaxMind's format, or is cut off")
        case MMDB_CORRUPT_SEARCH_TREE_ERROR, MMDB_INVALID_DATA_ERROR,
            MMDB_INVALID_NODE_NUMBER_ERROR:
            Fault("is damaged")
        case MMDB_OUT_OF_MEMORY_ERROR: Fault("needs more memory than there is")
        default: unsafe Fault("cannot be read: \(String(cString: MMDB_strerror(status)))")
        }
    }

    private static func copy(_ file: FileDescriptor, limit: Int) throws(Fault) -> FileDescriptor {
        do throws(SystemError) {
            let memory = try File.openMemory("martlet-database", size: 0)
            do throws(SystemError) {
                try copy(file, to: memory, limit: limit)
            } catch {
                memory.close()
                throw error
            }
            return memory
        } catch {
            switch error {
            case .tooLarge: throw Fault("is larger than the limit of \(limit) bytes")
            case .invalid: throw Fault("is empty")
            default: throw Fault("cannot be read: \(error)")
            }
        }
    }

    private static func copy(
        _ file: FileDescriptor,
        to memory: FileDescriptor,
        limit: Int
    ) throws(SystemError) {
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        var copied = 0
        while true {
            let count = unsafe mt_read(file.raw, &piece, piece.count)
            if count == -Int(EINTR) { continue }
            guard try checked(count) > 0 else {
                // An empty mapping is refused by the system, with words that help nobody.
                guard copied > 0 else { throw .invalid }
                return
            }
            copied += count
            guard copied <= limit else { throw .tooLarge }
            try File.write(memory, Array(piece[..<count]))
        }
    }
}
