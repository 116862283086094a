// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import Prober

private let start = Instant(nanoseconds: 1_000_000_000)
private func at(_ milliseconds: Int64) -> Instant { start + .milliseconds(milliseconds) }
private let terminate: Int32 = 15
private let kill: Int32 = 9

private func run(_ number: UInt64, timeout: Interval = .seconds(1)) -> CommandRun {
    CommandRun(number: number, program: "/bin/check", timeout: timeout)
}

/// A machine with one run under way, in group 100.
private func running() -> CommandMachine {
    var machine = CommandMachine()
    #expect(machine.take(.run(run(7)), now: start) == [.start(run(7))])
    #expect(machine.started(7, group: 100) == [.tell(.started(7, group: 100))])
    return machine
}

@Suite struct CommandMachineTests {
    @Test func `a command that ends in time is told with its status and its first line`() {
        var machine = running()
        #expect(machine.deadline == at(1_000))
        let said = Array("\n ok  \nmore\n".utf8)
        #expect(machine.wrote(7, said.span, now: at(10)).isEmpty)
        #expect(machine.run(of: 100) == 7)
        #expect(machine.groups == [100])
        let told = CommandNews.ended(7, .exited(3), said: "ok")
        #expect(machine.ended(100, .exited(3)) == [.tell(told)])
        #expect(machine.count == 0)
        #expect(machine.deadline == .never)
        #expect(machine.ended(100, .exited(3)).isEmpty, "told once")
    }

    @Test func `one that has had its time gets TERM, then KILL until it has ended`() {
        var machine = running()
        #expect(machine.expire(now: at(999)).isEmpty)
        #expect(
            machine.expire(now: at(1_000))
                == [.signal(terminate, group: 100), .tell(.late(7, said: ""))]
        )
        #expect(machine.expire(now: at(1_499)).isEmpty)
        #expect(machine.deadline == at(1_500))
        #expect(machine.expire(now: at(1_500)) == [.signal(kill, group: 100)])
        #expect(machine.expire(now: at(2_000)) == [.signal(kill, group: 100)])
        #expect(
            machine.ended(100, .signaled(kill))
                == [.tell(.ended(7, .signaled(kill), said: ""))]
        )
        #expect(machine.expire(now: at(9_000)).isEmpty)
    }

    @Test func `one that writes without end is ended, once`() {
        var machine = running()
        let piece = [UInt8](repeating: UInt8(ascii: "y"), count: 1 << 20)
        for _ in 0..<4 { #expect(machine.wrote(7, piece.span, now: at(1)).isEmpty) }
        let said = String(repeating: "y", count: OutputLine.limit)
        #expect(
            machine.wrote(7, piece.span, now: at(2))
                == [.signal(terminate, group: 100), .tell(.flooded(7, said: said))]
        )
        #expect(machine.wrote(7, piece.span, now: at(3)).isEmpty)
        #expect(machine.expire(now: at(502)) == [.signal(kill, group: 100)])
    }

    @Test func `nobody wants to know of it any more`() {
        var machine = running()
        #expect(machine.take(.stop(7), now: at(5)) == [.signal(terminate, group: 100)])
        #expect(machine.take(.stop(7), now: at(6)).isEmpty)
        #expect(machine.take(.stop(8), now: at(6)).isEmpty)
        #expect(machine.expire(now: at(505)) == [.signal(kill, group: 100)])
    }

    @Test func `one that cannot be started is told, and forgotten`() {
        var machine = CommandMachine()
        _ = machine.take(.run(run(1)), now: start)
        let told = CommandNews.refused(1, reason: "no", isShortage: false)
        #expect(machine.refused(1, reason: "no", isShortage: false) == [.tell(told)])
        #expect(machine.count == 0)
        #expect(machine.started(1, group: 5) == [.signal(kill, group: 5)])
    }

    @Test func `there is a bound on commands, and a number is used once at a time`() {
        var machine = running()
        guard case .tell(.refused(7, _, true))? = machine.take(.run(run(7)), now: start).first
        else {
            Issue.record("a second run of the same number")
            return
        }
        for number in 100..<(99 + UInt64(CommandMachine.limit)) {
            #expect(machine.take(.run(run(number)), now: start) == [.start(run(number))])
        }
        guard case .tell(.refused(5, _, true))? = machine.take(.run(run(5)), now: start).first
        else {
            Issue.record("more commands than the bound")
            return
        }
    }

    @Test func `when the prober goes, everything ends, and what does not is not waited for`() {
        var machine = running()
        #expect(!machine.isFinished(now: at(0), hasChildren: false) && !machine.isClosing)
        #expect(machine.close(now: at(0)) == [.signal(terminate, group: 100)])
        #expect(machine.close(now: at(1)).isEmpty && machine.isClosing)
        #expect(!machine.isFinished(now: at(1_999), hasChildren: true))
        #expect(machine.isFinished(now: at(2_000), hasChildren: true))
        #expect(machine.deadline <= at(2_000))
        _ = machine.ended(100, .signaled(terminate))
        #expect(!machine.isFinished(now: at(10), hasChildren: true), "it has left something behind")
        #expect(machine.isFinished(now: at(10), hasChildren: false))
    }

    @Test func `one that does not begin is told so, once, and leaves its place`() {
        var machine = running()
        let told = CommandNews.notBegun(7, reason: "no", isShortage: true)
        #expect(machine.notBegun(100, reason: "no", isShortage: true) == [.tell(told)])
        #expect(machine.count == 0 && machine.groups.isEmpty)
        #expect(machine.notBegun(100, reason: "no", isShortage: true).isEmpty)
        #expect(machine.ended(100, .exited(127)).isEmpty)
    }

    @Test func `a ping is answered`() {
        var machine = CommandMachine()
        #expect(machine.take(.ping, now: start) == [.tell(.pong)])
    }
}

@Suite struct CommandLinkMachineTests {
    @Test func `the process is there while somebody needs it`() {
        var machine = CommandLinkMachine()
        #expect(machine.follow(isWanted: false, now: start) == .keep)
        #expect(machine.deadline == .never)
        #expect(machine.follow(isWanted: true, now: start) == .start)
        machine.started()
        #expect(machine.isOn)
        #expect(machine.follow(isWanted: true, now: at(100_000)) == .keep)
        #expect(machine.deadline == .never)
        #expect(machine.follow(isWanted: false, now: start) == .stop)
        machine.stopped()
        #expect(machine.follow(isWanted: false, now: start) == .keep)
    }

    @Test func `it is started again at once, and ever later when that goes on`() {
        var machine = CommandLinkMachine()
        var now = start
        var waits: [Int64] = []
        for _ in 0..<9 {
            machine.started()
            let wait = machine.lost(now: now)
            waits.append(wait.milliseconds)
            #expect(!machine.isOn)
            #expect(machine.deadline == now + wait)
            if wait > .zero { #expect(machine.follow(isWanted: true, now: now) == .keep) }
            now = now + wait
            #expect(machine.follow(isWanted: true, now: now) == .start)
        }
        #expect(waits == [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000])
        #expect(machine.follow(isWanted: false, now: now) == .stop, "nobody waits for it")
    }

    @Test func `silence after an order is the end of it, and an answer is not`() {
        var machine = CommandLinkMachine()
        machine.started()
        machine.asked(now: at(0))
        machine.asked(now: at(3_000))
        #expect(machine.deadline == at(5_000))
        #expect(machine.follow(isWanted: true, now: at(4_999)) == .keep)
        machine.heard(isAnswer: true, now: at(4_999))
        #expect(machine.deadline == at(9_999), "one order is open still")
        machine.heard(isAnswer: false, now: at(8_000))
        #expect(machine.follow(isWanted: true, now: at(12_999)) == .keep)
        #expect(machine.follow(isWanted: true, now: at(13_000)) == .giveUp)
        machine.heard(isAnswer: true, now: at(13_000))
        #expect(machine.deadline == .never)
    }
}

@Suite struct CommandWireTests {
    static let orders: [CommandOrder] = [
        .ping, .stop(12),
        .run(
            CommandRun(
                number: 1 << 40,
                program: "/a b/\"c\"",
                arguments: ["", "-x", "ä\u{1F600}\\"],
                environment: ["A=b=c"],
                timeout: .milliseconds(1500)
            )
        ),
    ]
    static let news: [CommandNews] = [
        .pong, .started(3, group: 99), .refused(4, reason: "no \"x\"", isShortage: true),
        .notBegun(9, reason: "not there", isShortage: false), .late(5, said: "a"),
        .flooded(6, said: ""), .ended(7, .exited(0), said: "fine"),
        .ended(8, .signaled(11), said: ""),
    ]

    @Test func `orders and news come over as they were`() {
        for order in Self.orders { #expect(CommandOrder(message: order.message) == order) }
        for one in Self.news { #expect(CommandNews(message: one.message) == one) }
    }

    @Test func `nonsense is neither, and never a trap`() {
        var random = SeededRandom(seed: 5)
        let messages = Self.orders.map(\.message) + Self.news.map(\.message)
        for text in ["", "{}", "[]", "{\"run\":1}", "{\"ended\":1}", "{\"stop\":-1}"] {
            #expect(CommandOrder(message: Array(text.utf8)) == nil)
            #expect(CommandNews(message: Array(text.utf8)) == nil)
        }
        for _ in 0..<4_000 {
            var bytes = messages[Int(random.next(below: UInt32(messages.count)))]
            let place = Int(random.next(below: UInt32(bytes.count)))
            bytes[place] = UInt8(truncatingIfNeeded: random.next())
            _ = CommandOrder(message: bytes)
            _ = CommandNews(message: Array(bytes.prefix(place)))
        }
    }
}

@Suite struct OutputLineTests {
    private func line(_ pieces: String...) -> String {
        var line = OutputLine()
        for piece in pieces { line.append(Array(piece.utf8).span) }
        return line.text
    }

    @Test func `the first line with something in it is kept, however it comes`() {
        #expect(line("") == "")
        #expect(line("\n\r\n \t\n ok | a=1\nrest") == "ok | a=1")
        #expect(line("\n", " o", "k", "\r", "\nno") == "ok")
        #expect(line("no end") == "no end")
    }

    @Test func `what controls terminals, logs and directions is replaced`() {
        #expect(line("\u{1b}[31mred\u{7}\u{0}\u{7f}") == "?[31mred???")
        #expect(line("a\tb\u{202e}c\u{2028}d\u{85}e") == "a b?c?d?e")
        #expect(line("größe €") == "größe €")
        var broken = OutputLine()
        broken.append([0x61, 0xff, 0xc3, 0x0a].span)
        #expect(broken.text == "a??")
    }

    @Test func `a long line is cut, and everything is counted`() {
        var line = OutputLine()
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000)
        for _ in 0..<5 { line.append(piece.span) }
        #expect(line.text == String(repeating: "x", count: OutputLine.limit))
        #expect(line.count == 5_000)
    }
}

@Suite struct CommandQuestionTests {
    @Test func `the exit status decides, and the line says why`() {
        let plain = CommandQuestion(program: "/a")
        let lenient = CommandQuestion(program: "/a", statuses: [0, 1])
        func detail(_ text: String) -> CommandQuestion.Finding {
            .init(outcome: .failure(.commandFailed, detail: text))
        }
        #expect(plain.judge(.exited(0), said: "fine") == .init(outcome: .success))
        #expect(plain.judge(.exited(1), said: "") == detail("exit status 1"))
        #expect(plain.judge(.exited(2), said: "disk") == detail("exit status 2: disk"))
        #expect(plain.judge(.signaled(11), said: "x") == detail("ended by signal 11: x"))
        let told = CommandQuestion.Finding(outcome: .success, note: "exit status 1")
        #expect(lenient.judge(.exited(1), said: "load") == told)
        #expect(lenient.judge(.exited(0), said: "") == .init(outcome: .success))
    }
}
