// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// What outlives every serving process: sockets, the configuration in force, the crash ring.
///
/// Answers the requests of the serving process, which is not trusted: it gets the configuration
/// as the file holds it and sockets for places in that configuration, nothing else.
final class ServiceKeeper {
    let plan: StartPlan
    private(set) var image: ConfigurationImage
    private var candidate: ConfigurationImage?
    private var sockets: SocketKeeper
    private let ring: FileDescriptor
    private let startedAt: Int64
    /// Where the program is that an upgrade starts.
    let program: String
    private(set) var generation: UInt64 = 0
    /// Starts of a serving process after the first.
    var restarts = 0
    /// How serving processes ended that no later one has taken note of yet.
    private(set) var unreportedEnds: [String] = []
    /// True once the present serving process has opened its doors.
    private(set) var isServing = false
    /// True once any serving process has.
    private(set) var wasServing = false
    /// Upgrades of this service so far.
    var upgrades = 0
    /// Why the latest one failed; nil after a success.
    var upgradeProblem: String?
    /// True while the process that asks for its setup is to take over from another.
    var isTakeover = false

    init(plan: StartPlan) throws(ReloadProblem) {
        self.plan = plan
        image = plan.image
        startedAt = Clock.realtime()
        program = ProcessControl.programPath
        sockets = SocketKeeper(workers: plan.workers)
        do throws(SystemError) {
            let size = CrashRing.size(workers: plan.workers)
            ring = try File.openMemory("martlet-last-requests", size: size)
        } catch {
            throw .start(
                "M3107",
                "cannot get memory for the last requests: \(error)",
                "free memory"
            )
        }
        do throws(ListenFailure) {
            _ = try sockets.open(plan.image.keys)
        } catch {
            throw error.problem
        }
    }

    /// Goes on with what a former program of this process has kept.
    init(plan: StartPlan, kept: Handover.Kept) {
        self.plan = plan
        image = plan.image
        startedAt = kept.startedAt
        program = kept.program
        sockets = SocketKeeper(workers: plan.workers, holding: kept.sockets)
        ring = kept.ring
        generation = kept.generation
        restarts = kept.restarts
        upgrades = kept.upgrades
        isServing = true
        wasServing = true
    }

    deinit { ring.close() }

    /// All of it, for the program that takes the place of this one.
    var kept: Handover.Kept {
        Handover.Kept(
            path: plan.path,
            program: program,
            workers: plan.workers,
            account: plan.account,
            stateFolder: plan.stateFolder,
            stateLock: plan.stateLock,
            image: image.descriptor,
            imageSize: image.size,
            ring: ring,
            sockets: sockets.all,
            startedAt: startedAt,
            generation: generation,
            restarts: restarts,
            upgrades: upgrades
        )
    }

    /// Notes that a serving process has ended, for the next one to report.
    func noteEnd(_ text: String) {
        isServing = false
        candidate = nil
        unreportedEnds.append(text)
        if unreportedEnds.count > 16 { unreportedEnds.removeFirst() }
    }

    /// Closes the doors' sockets: new connections are refused from now on.
    func closeDoors() {
        sockets.keep(only: Set(sockets.keys.filter { $0.door == .admin }))
    }

    func answer(_ request: LinkRequest) -> LinkReply {
        switch request {
        case .setup: return setup()
        case .configuration: return freshConfiguration()
        case .file(let path): return file(path)
        case .database(let path): return database(path)
        case .stamps(let place): return stamps(from: place)
        case .open(let keys): return open(keys)
        case .packets(let key): return PacketGrant.answer(key, image.packets[key], sockets.all)
        case .adopted(let generation, let keys):
            if let candidate { image = candidate }
            candidate = nil
            self.generation = generation
            sockets.keep(only: Set(keys))
            return LinkReply(json: ["ok": true])
        case .logs:
            plan.account?.prepareLogs(image.logs)
            return LinkReply(json: ["ok": true])
        case .upgrade:
            return LinkReply(json: ["error": "there is no supervisor to hand over to another"])
        case .prepared: return LinkReply(json: ["ok": true])
        case .upgradeProblem:
            return LinkReply(json: ["problem": upgradeProblem.map(JSONValue.string) ?? .null])
        case .serving:
            isServing = true
            wasServing = true
            unreportedEnds = []
            return LinkReply(json: ["ok": true])
        }
    }

    private func setup() -> LinkReply {
        var members: [JSONMember] = [
            JSONMember("path", .string(plan.path)),
            JSONMember("size", .integer(Int64(image.size))),
            JSONMember("workers", .integer(Int64(plan.workers))),
            JSONMember("ring", .integer(Int64(CrashRing.size(workers: plan.workers)))),
            JSONMember("state", plan.stateFolder.map(JSONValue.string) ?? .null),
            JSONMember("generation", .integer(Int64(clamping: generation))),
            JSONMember("restarts", .integer(Int64(restarts))),
            JSONMember("startedAt", .integer(startedAt)),
            JSONMember("supervisor", .integer(Int64(ProcessControl.identifier))),
            JSONMember("ends", .array(unreportedEnds.map(JSONValue.string))),
            JSONMember("takeover", .bool(isTakeover)),
            JSONMember("upgrades", .integer(Int64(upgrades + (isTakeover ? 1 : 0)))),
            JSONMember("program", .string(program)),
        ]
        if let account = plan.account {
            members += [
                JSONMember("account", .string(account.name)),
                JSONMember("user", .integer(Int64(account.user))),
                JSONMember("group", .integer(Int64(account.group))),
            ]
        }
        return LinkReply(json: .object(members), descriptors: [image.descriptor, ring])
    }

    private func freshConfiguration() -> LinkReply {
        defer { ProcessControl.returnFreeMemory() }
        do throws(StartRefusal) {
            let loaded = try ConfigurationSource.load(plan.path)
            let fresh = try? ConfigurationImage(loaded.text, settings: loaded.settings)
            candidate = fresh
            guard let fresh else { return LinkReply(json: ["error": "out of memory"]) }
            return LinkReply(
                json: ["size": .integer(Int64(fresh.size))],
                descriptors: [fresh.descriptor]
            )
        } catch {
            // The text goes over all the same: the serving process reports every error in full.
            candidate = nil
            return refusedText()
        }
    }

    private func refusedText() -> LinkReply {
        do throws(SystemError) {
            let text = try File.read(plan.path, limit: ConfigurationSource.sizeLimit)
            let fd = try File.openMemory("martlet-refused", size: max(text.count, 1))
            try SharedMemory(fd, count: max(text.count, 1)).write(text.span, at: 0)
            return LinkReply(
                json: ["size": .integer(Int64(text.count))],
                descriptors: [fd],
                givesAway: true
            )
        } catch {
            return LinkReply(json: ["error": .string("\(plan.path): \(error)")])
        }
    }

    private func file(_ path: String) -> LinkReply {
        guard image.fileSet.contains(path) || candidate?.fileSet.contains(path) == true else {
            return LinkReply(json: ["error": "a file that is not in the configuration"])
        }
        do throws(SystemError) {
            let bytes = try File.read(path, limit: CertificateFiles.sizeLimit)
            let fd = try File.openMemory("martlet-file", size: max(bytes.count, 1))
            try SharedMemory(fd, count: max(bytes.count, 1)).write(bytes.span, at: 0)
            return LinkReply(
                json: ["size": .integer(Int64(bytes.count))],
                descriptors: [fd],
                givesAway: true
            )
        } catch {
            return LinkReply(json: ["error": .string("\(error)")])
        }
    }

    private func database(_ path: String) -> LinkReply {
        guard image.fileSet.contains(path) || candidate?.fileSet.contains(path) == true else {
            return LinkReply(json: ["error": "a file that is not in the configuration"])
        }
        do throws(SystemError) {
            let stamp = File.stamp(path)
            return LinkReply(
                json: ["stamp": .integer(stamp)],
                descriptors: [try File.openRegular(path)],
                givesAway: true
            )
        } catch {
            return LinkReply(json: ["error": .string("\(error)")])
        }
    }

    /// As many as a message holds.
    private func stamps(from place: Int) -> LinkReply {
        let files = image.files.dropFirst(place).prefix(1000)
        let stamps = files.map { JSONValue.integer(File.stamp($0)) }
        return LinkReply(json: ["stamps": .array(stamps)])
    }

    private func open(_ keys: [SocketKey]) -> LinkReply {
        // Of a reload that was refused in the end the former sockets are still wanted.
        let allowed = Set(image.keys).union(candidate?.keys ?? [])
        guard keys.allSatisfy({ allowed.contains($0) }) else {
            return LinkReply(json: ["error": "a place that is not in the configuration"])
        }
        do throws(ListenFailure) {
            let opened = try sockets.open(keys)
            return LinkReply(
                json: ["sockets": .array(opened.map(\.json))],
                descriptors: opened.map(\.descriptor)
            )
        } catch {
            return LinkReply(json: [
                "problem": error.problem.json, "text": .string(error.problem.text),
            ])
        }
    }
}
