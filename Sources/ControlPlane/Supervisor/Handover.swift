// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// Everything that a supervisor holds, for the program that takes its place in the same process.
///
/// Descriptors keep their numbers; the rest is a JSON document in memory. A change of what it
/// says needs another ``format``, and then the former program stays.
struct Handover {
    static let format = 1
    static let limits = JSONLimits(bytes: 4 << 20, depth: 8, values: 200_000)

    /// A serving process.
    struct Process {
        var identifier: Int32
        var link: FileDescriptor
        /// Until it is killed, in nanoseconds of the monotonic clock.
        var killAt: Instant

        var process: ServiceChild {
            let process = ServiceChild(identifier: identifier, link: link)
            process.killAt = killAt
            return process
        }
    }

    /// What the keeper holds, the sockets included.
    struct Kept {
        var path: String
        var program: String
        var workers: Int
        var account: Account?
        var stateFolder: String?
        var stateLock: FileDescriptor
        var image: FileDescriptor
        var imageSize: Int
        var ring: FileDescriptor
        var sockets: [OpenSocket]
        var startedAt: Int64
        var generation: UInt64
        var restarts: Int
        var upgrades: Int
    }

    var kept: Kept
    var child: Process
    var retiring: [Process]
    var reloads: Bool

    init(kept: Kept, child: Process, retiring: [Process], reloads: Bool) {
        self.kept = kept
        self.child = child
        self.retiring = retiring
        self.reloads = reloads
    }

    /// What a supervisor holds now.
    init(_ loop: borrowing SupervisorLoop) {
        kept = loop.keeper.kept
        child = Process(
            identifier: loop.child?.identifier ?? 0,
            link: loop.child?.link ?? .none,
            killAt: .never
        )
        retiring = loop.retiring.map {
            Process(identifier: $0.identifier, link: $0.link, killAt: $0.killAt)
        }
        reloads = loop.reloadsNext
    }

    /// Every descriptor that must stay open.
    private var descriptors: [FileDescriptor] {
        [kept.stateLock, kept.image, kept.ring, child.link].filter { !$0.isNone }
            + kept.sockets.map(\.descriptor) + retiring.map(\.link)
    }

    /// Becomes the program; returns why not.
    func pass(to program: String) -> SystemError {
        do throws(SystemError) {
            let bytes = Array(json.text().utf8)
            let memory = try File.openMemory("martlet-handover", size: max(bytes.count, 1))
            defer { memory.close() }
            try SharedMemory(memory, count: max(bytes.count, 1)).write(bytes.span, at: 0)
            return ProcessControl.replace(
                program,
                arguments: [
                    "martlet", "run", "--config", kept.path, "--resume",
                    "\(memory.raw):\(bytes.count)",
                ],
                keep: descriptors + [memory]
            )
        } catch {
            return error
        }
    }

    /// Reads what the former program has left at `DESCRIPTOR:SIZE`.
    static func receive(_ place: String) throws(StartRefusal) -> Handover {
        let numbers = place.split(separator: ":").compactMap { Int32($0) }
        guard numbers.count == 2, numbers[0] > 2, numbers[1] > 0 else { throw unreadable }
        let memory = FileDescriptor(raw: numbers[0])
        defer { memory.close() }
        guard let bytes = try? ConfigurationImage.text(memory, size: Int(numbers[1])),
            let json = try? JSONReader.read(bytes, limits: limits),
            let handover = Handover(json: json)
        else { throw unreadable }
        ProcessControl.closeOnExecute(handover.descriptors)
        return handover
    }

    static let unreadable = StartRefusal(
        exitCode: 1,
        lines: ["martlet: '--resume' is for the program that an upgrade replaces"]
    )

    /// The keeper of what was kept.
    func keeper() throws(StartRefusal) -> ServiceKeeper {
        guard let text = try? ConfigurationImage.text(kept.image, size: kept.imageSize),
            let loaded = ConfigurationSource.readForService(text, path: kept.path)
                .configuration,
            let image = try? ConfigurationImage(text, settings: loaded.settings)
        else { throw Handover.unreadable }
        kept.image.close()
        let plan = StartPlan(
            path: kept.path,
            image: image,
            workers: kept.workers,
            account: kept.account,
            stateFolder: kept.stateFolder,
            stateLock: kept.stateLock,
            notes: []
        )
        return ServiceKeeper(plan: plan, kept: kept)
    }
}

extension Handover {
    var json: JSONValue {
        var members = [
            JSONMember("format", .integer(Int64(Handover.format))),
            JSONMember("path", .string(kept.path)), JSONMember("program", .string(kept.program)),
            number("workers", kept.workers), number("lock", Int(kept.stateLock.raw)),
            number("image", Int(kept.image.raw)), number("imageSize", kept.imageSize),
            number("ring", Int(kept.ring.raw)), number("startedAt", Int(kept.startedAt)),
            number("generation", Int(clamping: kept.generation)),
            number("restarts", kept.restarts), number("upgrades", kept.upgrades),
            JSONMember("state", kept.stateFolder.map(JSONValue.string) ?? .null),
            JSONMember("child", json(child)), JSONMember("reloads", .bool(reloads)),
            JSONMember("retiring", .array(retiring.map(json))),
            JSONMember(
                "sockets",
                .array(
                    kept.sockets.map {
                        ["socket": $0.json, "fd": .integer(Int64($0.descriptor.raw))]
                    }
                )
            ),
        ]
        if let account = kept.account {
            members += [
                JSONMember("account", .string(account.name)),
                number("user", Int(account.user)), number("group", Int(account.group)),
            ]
        }
        return .object(members)
    }

    private func number(_ name: String, _ value: Int) -> JSONMember {
        JSONMember(name, .integer(Int64(value)))
    }

    private func json(_ process: Process) -> JSONValue {
        [
            "pid": .integer(Int64(process.identifier)), "fd": .integer(Int64(process.link.raw)),
            "killAt": .integer(process.killAt.nanoseconds),
        ]
    }

    /// Reads what ``json`` wrote; nil for anything else.
    init?(json: JSONValue) {
        func number(_ name: String) -> Int? { json[name]?.integer.flatMap { Int(exactly: $0) } }
        func descriptor(_ value: JSONValue?) -> FileDescriptor? {
            value?.integer.flatMap { Int32(exactly: $0) }.map(FileDescriptor.init(raw:))
        }
        func process(_ value: JSONValue?) -> Process? {
            guard let link = descriptor(value?["fd"]), let killAt = value?["killAt"]?.integer,
                let identifier = value?["pid"]?.integer.flatMap({ Int32(exactly: $0) })
            else { return nil }
            return Process(
                identifier: identifier,
                link: link,
                killAt: Instant(nanoseconds: killAt)
            )
        }
        guard number("format") == Handover.format, let path = json["path"]?.string,
            let program = json["program"]?.string, let workers = number("workers"),
            let lock = descriptor(json["lock"]), let image = descriptor(json["image"]),
            let imageSize = number("imageSize"), let ring = descriptor(json["ring"]),
            let child = process(json["child"])
        else { return nil }
        let sockets = (json["sockets"]?.elements ?? []).compactMap { element in
            descriptor(element["fd"]).flatMap { fd in
                element["socket"].flatMap { OpenSocket(json: $0, descriptor: fd) }
            }
        }
        guard sockets.count == json["sockets"]?.elements?.count else { return nil }
        kept = Kept(
            path: path,
            program: program,
            workers: workers,
            account: Handover.account(json),
            stateFolder: json["state"]?.string,
            stateLock: lock,
            image: image,
            imageSize: imageSize,
            ring: ring,
            sockets: sockets,
            startedAt: Int64(number("startedAt") ?? 0),
            generation: UInt64(clamping: number("generation") ?? 0),
            restarts: number("restarts") ?? 0,
            upgrades: number("upgrades") ?? 0
        )
        self.child = child
        retiring = (json["retiring"]?.elements ?? []).compactMap { process($0) }
        reloads = json["reloads"]?.bool == true
    }

    private static func account(_ json: JSONValue) -> Account? {
        guard let name = json["account"]?.string,
            let user = json["user"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let group = json["group"]?.integer.flatMap({ UInt32(exactly: $0) })
        else { return nil }
        return Account(name: name, user: user, group: group)
    }
}
