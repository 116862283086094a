// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// One answer, as far as it is compared.
struct MirrorAnswer: BitwiseCopyable {
    /// Zero while, or when, there is no whole answer.
    var status: UInt16 = 0
    var content = BodyDigest()
}

/// A request that is mirrored: what is kept of it, and how far both it and its copy have come.
///
/// The exchange holds it while it goes on, and so does the copy once there is one; whoever leaves
/// last has the answers compared.
struct MirrorState: BitwiseCopyable {
    /// The most content that is kept: in this many blocks.
    static let bodyMaximum = bodyBlocks * BufferPool.blockSize
    static let bodyBlocks = 16  // as many as `body` holds

    let rule: MirrorRule
    /// The place of the route's numbers.
    let route: Int32
    /// The pool's number in the registry.
    let poolSlot: Int32
    /// Its number in the plan; -1 when a reload took it away.
    var pool: Int32

    /// The exchange still goes on.
    var isLinked = true
    /// There is a copy, or there was one.
    var isStarted = false
    /// The copy is over.
    var isOver = false
    /// An endpoint was chosen for it.
    var wasSent = false
    /// It is one of the copies that there may be at a time.
    var holdsPlace = false
    /// `Host` is the endpoint's address, since the client named nobody.
    var isNameless = false

    var head = Block.none
    var headCount: Int32 = 0
    private(set) var bodyCount: Int32 = 0
    private var body = InlineArray<16, Block>(repeating: .none)
    /// Bytes of head and body that the endpoint has.
    var sent: Int32 = 0

    /// What the client got, and what the copy did.
    var original = MirrorAnswer()
    var copy = MirrorAnswer()

    init(_ rule: MirrorRule, route: Int32, poolSlot: Int32) {
        self.rule = rule
        self.route = route
        self.poolSlot = poolSlot
        pool = rule.pool
    }

    /// Bytes that are still to be sent.
    var unsent: Int32 { headCount &+ bodyCount &- sent }

    /// The block that the next byte of the body goes into, and where; nil when it is full.
    var bodyEnd: (number: Int, block: Block, offset: Int)? {
        let number = Int(bodyCount) / BufferPool.blockSize
        guard number < MirrorState.bodyBlocks else { return nil }
        return (number, body[number], Int(bodyCount) % BufferPool.blockSize)
    }

    mutating func add(_ block: Block, at number: Int) { body[number] = block }
    mutating func grew(_ count: Int) { bodyCount &+= Int32(truncatingIfNeeded: count) }

    /// A run of bytes from this one on.
    func piece(at place: Int32) -> (block: Block, start: Int, count: Int) {
        guard place >= headCount else { return (head, Int(place), Int(headCount &- place)) }
        let offset = Int(place &- headCount)
        let number = offset / BufferPool.blockSize
        guard number < MirrorState.bodyBlocks else { return (.none, 0, 0) }
        let start = offset % BufferPool.blockSize
        let rest = Int(bodyCount) &- offset
        return (body[number], start, min(rest, BufferPool.blockSize &- start))
    }

    /// Gives the blocks of the body back; returns how many.
    mutating func giveBody(to buffers: inout BufferPool) -> Int {
        var count = 0
        for number in 0..<MirrorState.bodyBlocks where !body[number].isNone {
            buffers.give(body[number])
            body[number] = .none
            count &+= 1
        }
        bodyCount = 0
        return count
    }

    /// What comes of comparing the two answers.
    var verdict: MirrorVerdict {
        guard original.status != 0, copy.status != 0 else { return .unanswered }
        guard original.status == copy.status else { return .status }
        guard rule.compare == .body else { return .same }
        guard original.content.isWhole || copy.content.isWhole else { return .tooLarge }
        return original.content == copy.content ? .same : .body
    }
}
