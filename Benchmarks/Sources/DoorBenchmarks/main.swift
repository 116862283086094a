// SPDX-License-Identifier: Apache-2.0
// Counts what one request or query costs its worker: allocations, reference counts, system calls.
// `--write` stores the figures as thresholds, rounded up; otherwise they are compared with them.
import CMeter
import Essentials
import HTTPGateway
import Runtime

/// The figures of one case per operation.
struct Figures {
    var allocations: Double
    var counts: Double  // retains and releases
    var syscalls: Double
    var microseconds: Double
}

struct DriveFailed: Error { var code: Int64 }

func measure(_ operations: Int64, _ drive: (Int64) -> Int64) throws -> Figures {
    for round in 0..<2 {  // the first round grows tables to their working size
        let code = drive(operations)
        guard code == operations else { throw DriveFailed(code: code) }
        _ = round
    }
    mt_meter_references(true)
    let before = mt_meter_read()
    let code = drive(operations)
    mt_meter_references(false)
    guard code == operations else { throw DriveFailed(code: code) }
    let after = mt_meter_read()
    let n = Double(operations)
    return Figures(
        allocations: Double(after.allocations &- before.allocations) / n,
        counts: Double(
            after.retains &- before.retains &+ after.releases &- before.releases
        ) / n,
        syscalls: Double(after.syscalls &- before.syscalls) / n,
        microseconds: Double(after.cpu_ns &- before.cpu_ns) / n / 1000
    )
}

/// The cases by name; each runs in a process of its own, so that one thread is counted.
func run(_ name: String) throws -> Figures {
    let stop = Stop()
    let size: Int32 = 1024
    switch name {
    case "http-keepalive", "http-log", "http-2-workers", "http-log-2-workers":
        let log: AccessLogFormat = name.contains("log") ? .combined : .off
        let port = try startHTTP(
            origin: mt_origin_start(size),
            log: log,
            workers: name.contains("2-workers") ? 2 : 1,
            stop: stop
        )
        // With two workers the kernel spreads connections; operations count for both.
        return try measure(200_000) { mt_http_drive(port, 64, $0, false) }
    case "http-close":
        let port = try startHTTP(origin: mt_origin_start(size), stop: stop)
        return try measure(50_000) { mt_http_drive(port, 16, $0, true) }
    case "cache-hit":
        let port = try startHTTP(origin: mt_origin_start(size), isCached: true, stop: stop)
        return try measure(200_000) { mt_http_drive(port, 64, $0, false) }
    case "dns-static":
        let port = try startDNS(stop: stop)
        return try measure(300_000) { mt_dns_drive(port, 32, $0, 10_000, false) }
    case "dns-signed", "dns-steered-signed":
        // Once all that is asked for has been signed.
        let isSteered = name == "dns-steered-signed"
        let port =
            isSteered
            ? try startSteered(isSigned: true, stop: stop)
            : try startDNS(isSigned: true, stop: stop)
        let names: Int32 = isSteered ? 1000 : 10_000
        return try measure(300_000) { mt_dns_drive(port, 32, $0, names, true) }
    case "dns-steered", "dns-steered-scattered":
        // Resolvers in 16 networks, or in more than there is room to tell of.
        let port = try startSteered(stop: stop)
        let sources: Int32 = name == "dns-steered" ? 16 : 700
        return try measure(300_000) { mt_dns_drive_subnets(port, 32, $0, 10_000, sources) }
    default: throw DriveFailed(code: -99)
    }
}

/// All cases, or the one that is named behind the thresholds.
let names =
    CommandLine.arguments.count == 3
    ? [CommandLine.arguments[2]]
    : [
        "http-keepalive", "http-log", "http-2-workers", "http-log-2-workers", "http-close",
        "cache-hit",
        "dns-static", "dns-signed", "dns-steered", "dns-steered-scattered", "dns-steered-signed",
    ]

/// Two decimals, without Foundation.
func text(_ value: Double) -> String {
    let hundredths = Int64((value * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
}

/// Reads `Thresholds/doors.json`; an absent file has no thresholds.
func thresholds(_ path: String) -> JSONValue? {
    guard let bytes = try? File.read(path, limit: 65_536) else { return nil }
    return try? JSONReader.read(bytes)
}

func compare(_ path: String) throws -> Int32 {
    let limits = thresholds(path)
    var failures: Int32 = 0
    print("case                 allocations  retain+release  system calls  CPU us")
    for name in names {
        let figures = try runChild(name)
        let padded = name + String(repeating: " ", count: max(21 - name.count, 1))
        print(padded + figures.map { text($0) }.joined(separator: "         "))
        for (index, key) in ["allocations", "counts", "syscalls"].enumerated() {
            guard let limit = limits?[name]?[key]?.number else { continue }
            guard figures[index] > limit else { continue }
            print("  FAILED: \(key) \(text(figures[index])) is above the threshold \(text(limit))")
            failures += 1
        }
    }
    print("\(names.count * 3 - Int(failures)) passed, \(failures) failed")
    return failures == 0 ? 0 : 1
}

/// Runs a case in a child and reads its four figures.
func runChild(_ name: String) throws -> [Double] {
    let memory = try File.openMemory("figures", size: 64)
    let shared = try SharedMemory(memory, count: 64)
    let path = ProcessControl.executablePath
    let child = try ProcessControl.spawn(
        path,
        arguments: [path, "--case", name, "\(memory.raw)"],
        keep: [memory]
    )
    while true {
        if let ended = ProcessControl.reap(), ended.identifier == child {
            guard ended.end == .exited(0) else { throw DriveFailed(code: -98) }
            break
        }
        var loop = try EventLoop()
        _ = loop.wait(timeoutMilliseconds: 20)
    }
    return (0..<4).map { place in
        let bytes = shared.read(at: place * 8, length: 8)
        return Double(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
}

func writeFigures(_ figures: Figures, to number: String) throws {
    guard let raw = Int32(number) else { return }
    let shared = try SharedMemory(FileDescriptor(raw: raw), count: 64)
    let all = [figures.allocations, figures.counts, figures.syscalls, figures.microseconds]
    for (place, value) in all.enumerated() {
        let bits = value.bitPattern
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - $0 * 8)) }
        shared.write(bytes.span, at: place * 8)
    }
}

let arguments = CommandLine.arguments
if arguments.count == 4, arguments[1] == "--case" {
    try writeFigures(try run(arguments[2]), to: arguments[3])
    ProcessControl.exit(0)
}
ProcessControl.exit(try compare(arguments.count > 1 ? arguments[1] : "Thresholds/doors.json"))
