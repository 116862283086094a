// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import Runtime

/// Where a cache keeps what outlives the process.
public struct DiskPlan: Sendable, Equatable {
    /// The most octets of one segment.
    static let largestSegment = 1 << 30
    /// The least number of segments that a cache is divided into.
    public static let leastSegments = 4
    /// Segments that a disk is divided into where nothing speaks against it: when the oldest goes, that is
    /// so much of it.
    private static let usualSegments = 64

    /// The folder, which is the cache's own.
    public var folder: String
    /// Octets of all files together.
    public var size: Int

    /// A place on a disk.
    public init(folder: String, size: Int) {
        self.folder = folder
        self.size = min(max(size, 0), 1 << 46)
    }

    /// Octets of a segment: two of the largest objects fit.
    func segment(objectLimit: Int) -> Int {
        let usual = max(size / DiskPlan.usualSegments, 4 << 20)
        let needed = DiskRecord.octets(text: DiskRecord.textLimit, body: objectLimit) * 2
        return min(max(usual, needed), DiskPlan.largestSegment, size / DiskPlan.leastSegments)
    }

    /// The least size for objects of so many octets.
    public static func least(objectLimit: Int) -> Int {
        max(16 << 20, DiskRecord.octets(text: DiskRecord.textLimit, body: objectLimit) * 8)
    }
}

/// How it is with the part of a cache that is on a disk.
public struct DiskStatus: Sendable, Equatable {
    /// What it does.
    public enum State: String, Sendable, CaseIterable {
        /// Another process has the folder still; what is asked for comes from memory and origins.
        case waiting
        /// What was kept before is being looked through.
        case opening
        /// It is in service.
        case serving
        /// Nothing is written for a while, since that failed; what is there is read.
        case failing
        /// It is out of service.
        case closed
    }

    /// What it does.
    public var state = State.opening
    /// The last error.
    public var error: SystemError?
    /// What failed then.
    public var failedAt = ""
    /// Octets of all its files.
    public var octets = 0
    /// Objects that were written.
    public var writes = 0
    /// Objects that were not written, since there were too many at a time, or the disk failed.
    public var skips = 0
    /// Objects that were read into memory.
    public var loads = 0
    /// Objects that were found damaged or not readable, and forgotten.
    public var damages = 0
    /// Attempts to write that failed.
    public var errors = 0
    /// Objects that were found when it was opened.
    public var found = 0
    /// How long that took, in nanoseconds.
    public var opening: Int64 = 0
}
