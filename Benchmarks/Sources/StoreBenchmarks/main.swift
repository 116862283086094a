// SPDX-License-Identifier: Apache-2.0
// Times what the memory store does: hits with few and with many objects, and purges of many. An argument
// chooses: hit, purge.
import EdgeCache
import Essentials
import HTTPProtocol
import Runtime

/// Nanoseconds for one hit on a key at random, all that a door does with the store included.
func hit(_ filled: Filled) throws -> Double {
    let asker = Asker()
    let rounds = 2_000_000
    let room = try CacheMemory(count: 4096)
    let keys = (0..<min(filled.count, 200_000)).map { _ in
        Filled.key(Int.random(in: 0..<filled.count))
    }
    var octets = 0
    var index = 0
    let began = Clock.monotonic()
    for _ in 0..<rounds {
        index = index + 1 == keys.count ? 0 : index + 1
        let key = keys[index]
        guard case .fresh(let ref) = filled.find(key.span, asker) else {
            throw DriveFailed(code: 3)
        }
        octets += read(ref, filled.store, room)
    }
    let span = Clock.monotonic() - began
    guard octets > rounds * 1024 else { throw DriveFailed(code: 4) }
    return Double(span.nanoseconds) / Double(rounds)
}

/// Copies a head and the content behind it, as a door does, and lets the object go.
func read(_ ref: StoredRef, _ store: CacheStore, _ room: CacheMemory) -> Int {
    var isWhole = false
    let head = room.write(at: 0, limit: 2048) { output in
        isWhole = store.view(ref, into: &output)?.length == 1024
    }
    let piece = store.piece(ref, at: 0, watcher: 0)
    room.write(at: head, piece.bytes)
    store.release(ref)
    return isWhole ? head + piece.bytes.count : 0
}

func text(_ value: Double) -> String { "\(Int(value.rounded()))" }

/// Asks for objects on a thread of its own until word 0 is set; word 1 is the longest that an answer took
/// in nanoseconds, word 2 how many took more than 200 microseconds, word 3 how many there were.
func startAsking(_ filled: Filled, _ words: SharedWords) throws {
    try WorkerThread.start(name: "asks") {
        let asker = Asker()
        while words.load(0) == 0 {
            let key = Filled.key(Int.random(in: 0..<filled.count))
            let began = Clock.monotonic()
            let found = filled.find(key.span, asker, mayFetch: false)
            if case .fresh(let ref) = found { filled.store.release(ref) }
            let span = UInt64((Clock.monotonic() - began).nanoseconds)
            words.store(1, max(words.load(1), span))
            if span > 200_000 { words.store(2, words.load(2) + 1) }
            words.store(3, words.load(3) + 1)
        }
    }
}

/// Times a purge, and what others wait for meanwhile.
func purge(_ filled: Filled, _ what: String, _ body: () -> Int) throws {
    let words = SharedWords(count: 8)
    try startAsking(filled, words)
    while words.load(3) < 1000 {}
    words.store(1, 0)
    words.store(2, 0)
    let began = Clock.monotonic()
    let count = body()
    let span = Clock.monotonic() - began
    print(
        "\(what): \(count) objects in \(span.nanoseconds / 1000) us; others waited at most "
            + "\(words.load(1) / 1000) us, \(words.load(2)) of \(words.load(3)) over 200 us"
    )
    words.store(0, 1)
}

if CommandLine.arguments.count < 2 || CommandLine.arguments[1] == "hit" {
    for _ in 0..<3 { print("hit, 1,000 objects: \(text(try hit(try Filled(1_000)))) ns") }
    let many = try Filled(1_000_000)
    for _ in 0..<3 { print("hit, 1,000,000 objects: \(text(try hit(many))) ns") }
}
if CommandLine.arguments.count < 2 || CommandLine.arguments[1] == "purge" {
    let filled = try Filled(1_000_000) { "Surrogate-Key: all t\($0 % 100)\r\n" }
    try purge(filled, "nothing for 50 ms") {
        let began = Clock.monotonic()
        while Clock.monotonic() - began < .milliseconds(50) {}
        return 0
    }
    for number in 1...5 {
        let tag = Array("t\(number)".utf8)
        try purge(filled, "tag") { filled.store.purge(tag: tag.span, .hard) }
    }
    let soft = Array("t6".utf8)
    try purge(filled, "tag, soft") { filled.store.purge(tag: soft.span, .soft) }
    try purge(filled, "where, each hundredth") {
        filled.store.purge(.hard) { key, _ in
            key[key.count - 3] == UInt8(ascii: "7") && key[key.count - 4] == UInt8(ascii: "7")
        }
    }
    try purge(filled, "where, all") { filled.store.purge(.hard) { _, _ in true } }
}
ProcessControl.exit(0)
