// SPDX-License-Identifier: Apache-2.0
public import Configuration
public import Essentials
public import Prober
public import Steering

/// What the admin service may see: plain values, copied cheaply on the control thread.
///
/// Health, load and counters are read through the shared tables, so a view that is a second old
/// still shows the present state of an endpoint.
public struct ControlView: Sendable {
    /// The configuration in force.
    public var settings: Settings
    /// Number of the configuration in force; grows by one with each adopted reload.
    public var generation: UInt64
    /// Number of the snapshot that workers were last given: grows with ``generation``, and when
    /// names of endpoints resolve to other addresses or weights are changed.
    public var snapshotNumber: UInt64
    /// When it was adopted, in nanoseconds since 1970.
    public var adoptedAt: Int64
    /// The path of the configuration file.
    public var configurationPath: String
    /// The text of the configuration in force, for `martlet diff`.
    public var configurationText: [UInt8]
    /// How the last attempt to reload ended; empty after a success.
    public var reloadProblems: [ReloadProblem]
    /// Reloads adopted and refused since this process started.
    public var reloads: (adopted: Int, refused: Int)
    /// The pools in file order, then one for each steer policy that checks plain addresses.
    public var pools: [PoolView]
    /// The sockets of the doors.
    public var listeners: [ListenerView]
    /// The processes.
    public var process: ProcessView
    /// What the prober does.
    public var probing = ProbingView()
    /// Zones that were changed while they served cannot be read: what is served is not all.
    public var hasLostZones = false
    /// Whether the doors serve.
    public var readiness: Readiness
    /// One word per endpoint slot.
    public let health: HealthTable
    /// Work per endpoint slot.
    public let load: LoadTable
    /// What happened to the health of each slot.
    public let counts: HealthCounts
    /// Counters of the doors.
    public let shared: DoorsShared
    /// What each worker says about itself.
    public let workers: WorkerWords
    /// What the doors answer from; nil before the first snapshot.
    public var snapshot: ServingSnapshot?
    /// When what is left at endpoints that drain is cut, by their slots.
    public var drains: [Int: Instant] = [:]
    /// What operators say of the health of endpoints, by their slots.
    public var forced: [Int: ForcedHealth] = [:]
    /// What calculated probes have come to, in file order.
    public var checks: [CheckView] = []
    /// The skew of pools, by their stable numbers; none for those with few requests.
    public var skews: [Int: Double] = [:]
    /// What the export of spans does; nil without one.
    public var tracing: TracingView?
    /// The certificates in hand.
    public var certificates: [CertificateView] = []
    /// The ticket keys in force that came from files.
    public var ticketKeys: [TicketKeysView] = []
    /// The sources of what is known of where networks are; nil when there are none.
    public var geography: GeographyView?
    /// What is known of names outside that aliases lead to; nil when none does.
    public var aliases: AliasesView?
    /// The zones whose files are faulty.
    var zoneFaults: [ZoneFault] = []
    /// The zones that come from elsewhere, by their names.
    var secondaries: [String: SecondaryView] = [:]
    /// What has become of looks at primaries, and of notices.
    var transferCounts = TransferCounts()
    /// The keys of signed zones.
    var keptKeys: [String: KeptZone] = [:]
    /// How many sets of zones have been changed while they serve, by the names of the zones.
    var zoneChanges: [String: Int] = [:]
    /// Requests of the zone API.
    var zoneAPICounts = ZoneAPICounts()
    /// Zones that stand in no configuration.
    var madeZones: [ZoneSettings] = []
    /// The zones whose queries are counted by themselves, by their places.
    var countedZones: [String] = []
    /// Where networks are.
    public var locations = LocationTable.empty
    /// Policies that change while they serve.
    public var steering: SteeringView?
    /// What is known of round trips; nil where nothing goes by them.
    public var latency: LatencyView?
    /// Interfaces at which queries are taken.
    public var packets: [PacketView] = []
}

/// What a calculated probe has come to.
public struct CheckView: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// Whether enough of its members are well.
    public var health: Health
    /// Which are not, when it is down.
    public var detail: String
}

/// A certificate that listeners show.
public struct CertificateView: Sendable, Equatable {
    /// The path of its file.
    public var file: String
    /// The names that it is for.
    public var names: [String]
    /// When it ends, in seconds since 1970.
    public var notAfter: Int64
    /// When the OCSP response stapled to it ends, in seconds since 1970; nil when none is.
    public var stapleEnds: Int64?
}

/// Ticket keys that came from a file.
public struct TicketKeysView: Sendable, Equatable {
    /// The path of the file.
    public var file: String
    /// When they were put in force, in seconds since 1970.
    public var loadedAt: Int64
}

/// A pool with its endpoints as they are now, resolved names included.
public struct PoolView: Sendable, Equatable {
    /// The key under `pools`, or the name of the steer policy.
    public var name: String
    /// True for the checked addresses of a steer policy.
    public var isSteer: Bool
    /// Stable number for retry budget and queue; -1 for a steer policy.
    public var slot: Int
    /// The probe's name; nil when unchecked.
    public var probe: String?
    /// The endpoints.
    public var endpoints: [EndpointView]
}

/// An endpoint as the doors know it.
public struct EndpointView: Sendable, Equatable {
    /// Unique in its pool: the name in the file; with `@ADDRESS` for one of a resolved name.
    public var name: String
    /// The name in the file, the same for all addresses of a resolved name.
    public var configuredName: String
    /// Place in the health and load tables.
    public var slot: Int
    /// Where it is; nil while its name does not resolve.
    public var address: SocketAddress?
    /// The weight in the file.
    public var weight: UInt32
    /// The priority tier.
    public var tier: UInt8
    /// The zone label.
    public var zone: String
    /// Most requests at a time; 0 for no limit.
    public var connectionLimit: UInt32
}

/// Which door a socket belongs to.
public enum DoorKind: String, Sendable, Hashable, CaseIterable {
    /// HTTP/1.1 over TCP.
    case http
    /// DNS over UDP and TCP.
    case dns
    /// DNS over TLS.
    case dot
    /// The admin service.
    case admin

    /// True for places where questions of DNS are answered.
    var speaksDNS: Bool { self == .dns || self == .dot }
}

/// A place where a door listens.
public struct ListenerView: Sendable, Equatable {
    /// Whose it is.
    public var door: DoorKind
    /// The address in the configuration.
    public var configured: ListenAddress
    /// The address that the socket has; differs for port 0.
    public var address: SocketAddress
    /// True once workers take connections or queries from it.
    public var isOpen: Bool
}

/// What is known about the processes.
public struct ProcessView: Sendable, Equatable {
    /// The version of the program.
    public var version: String
    /// The serving process.
    public var identifier: Int32
    /// The supervisor; nil without one.
    public var supervisor: Int32?
    /// The account that this process runs as; nil when it has not changed.
    public var account: String?
    /// When this serving process started, in nanoseconds since 1970.
    public var startedAt: Int64
    /// When the supervisor started, in nanoseconds since 1970.
    public var serviceStartedAt: Int64
    /// How often the serving process has been started again.
    public var restarts: Int
    /// How the former serving process ended, in words; nil when this is the first.
    public var lastEnd: String?
    /// Number of worker threads.
    public var workers: Int
    /// The limit of open files.
    public var fileLimit: Int
    /// The folder of the state files; nil when there is none to write to.
    public var stateFolder: String?
    /// Where the program is that an upgrade starts; nil without a supervisor.
    public var program: String?
    /// Upgrades of this service so far.
    public var upgrades = 0
    /// True while another process is being started to take over.
    public var isUpgrading = false
    /// Why the latest upgrade failed; nil when it did not.
    public var upgradeProblem: String?
}

/// What the prober does.
public struct ProbingView: Sendable, Equatable {
    /// Probes that run now.
    public var running = 0
    /// Commands among them.
    public var commands = 0
    /// Its counts since the process started.
    public var statistics = ProbeStatistics()
}

/// Whether the doors serve: the answer of `/startupz` and `/readyz`.
public enum Readiness: Sendable, Equatable {
    /// The doors wait for the first verdicts of so many endpoints.
    case starting(pending: Int)
    /// The doors serve.
    case ready
    /// The process finishes what it has and goes.
    case stopping
}

/// One reason why a configuration was refused.
public struct ReloadProblem: Error, Sendable, Equatable {
    /// The stable code, such as `M1203`.
    public var code: String
    /// One line for people, with file, line and column when the file is to blame.
    public var text: String
    /// The same as data.
    public var json: JSONValue
    /// No reason by itself: what to know about the others.
    public var isNotice = false

    /// A problem from its parts.
    public init(code: String, text: String, json: JSONValue) {
        self.code = code
        self.text = text
        self.json = json
    }
}

/// A change that the admin service asks for.
public enum ControlCommand: Sendable, Equatable {
    /// Changes one endpoint, or all addresses of a name, at once and lastingly.
    case change(pool: String, endpoint: String, EndpointChange)
    /// Takes measured round trips.
    case measure([RTTReader.Row])
    /// Takes back every change made by ``change(pool:endpoint:_:)``.
    case discardOverlay
    /// Changes the weights of a policy.
    case steer(policy: String, SteeringOrder)
    /// Tells a migration something.
    case migrate(String, MigrationMachine.Order)
    /// Reads the configuration file again.
    case reload
    /// Reads the file of one zone again.
    case reloadZone(String)
    /// Rolls keys of a zone, or tells of its parent.
    case keys(zone: String, KeyOrder)
    /// Takes all changes back that were made of a zone while it serves.
    case discardZone(String)
    /// Puts a zone in the place of what is served.
    case importZone(ZoneImportOrder)
    /// Has another program take over.
    case upgrade
}

/// What to change about an endpoint.
public struct EndpointChange: Sendable, Equatable {
    /// What is done with the weight.
    public enum Weight: Sendable, Equatable {
        /// It stays.
        case keep
        /// The file's weight holds again.
        case fromFile
        /// This weight holds.
        case set(UInt32)
    }

    /// What is done with the health.
    public enum Force: Sendable, Equatable {
        /// It stays as it is.
        case keep
        /// It is judged again.
        case auto
        /// It counts as up or down for so long.
        case hold(isUp: Bool, for: Interval)
    }

    /// The administrative state; nil leaves it.
    public var state: AdministrativeState?
    /// The weight.
    public var weight: Weight
    /// How long work may go on there, in place of the pool's `drain`; holds for this once.
    public var drain: Interval?
    /// The health.
    public var force: Force

    /// A change of state, of weight, or of both.
    public init(
        state: AdministrativeState? = nil,
        weight: Weight = .keep,
        drain: Interval? = nil,
        force: Force = .keep
    ) {
        self.state = state
        self.weight = weight
        self.drain = drain
        self.force = force
    }
}

/// How a command ended.
public enum ControlOutcome: Sendable, Equatable {
    /// Carried out, and saved where it must outlive the process.
    case done
    /// Measurements were looked at, and so many taken.
    case measured(RTTIntake)
    /// A zone was looked at, and taken unless it was to be looked at alone.
    case imported(ZoneImport)
    /// It is done, and there is something to be done about it: one line.
    case noted(String)
    /// It waits for the disk, or for verdicts: ``ControlSurface/takeEnded()`` tells how this order
    /// ends.
    case awaited(UInt64)
    /// There is no pool of this name.
    case unknownPool
    /// The pool has no endpoint of this name or address.
    case unknownEndpoint
    /// There is no zone of this name.
    case unknownZone
    /// The zone stands in the configuration: there is no file to read again.
    case zoneWithoutFile
    /// The configuration has errors; nothing has changed.
    case refused([ReloadProblem])
    /// The configuration is valid, and in force once endpoints have their first verdicts: in so
    /// many seconds at the latest. Nil while its zones are still read.
    case reloadPending(seconds: Int64?)
    /// The process is on its way out.
    case stopping
    /// Another process is being started to take over.
    case upgrading
    /// There can be no upgrade now: the reason in one line.
    case upgradeRefused(String)
    /// The policy cannot be changed like that.
    case steeringRefused(SteeringRefusal)
    /// Nothing is done about the keys: why, in one line.
    case keysRefused(ProblemCode, String)
    /// It could not be done: the reason in one line.
    case failed(String)
}

/// The control thread as the admin service knows it: what may be read, what may be asked.
///
/// Every call happens on the control thread and returns when it is done.
public protocol ControlSurface: ~Copyable {
    /// What there is to see now.
    var view: ControlView { get }
    /// Reason, since when, ejection and override of a slot; nil when nobody has it.
    func status(slot: Int) -> EndpointStatus?
    /// Rows of round trips.
    func roundTrips(_ sketch: RTTPageSketch, now: Instant) -> RTTPage
    /// A keeper of health that knows all this one knows, and changes nothing: for what would be if.
    func rehearsal() -> HealthKeeper
    /// Carries out a change.
    mutating func perform(_ command: ControlCommand, now: Instant) -> ControlOutcome
    /// Orders that were awaited and have ended since the last call.
    mutating func takeEnded() -> [(order: UInt64, outcome: ControlOutcome)]
}

extension ControlSurface where Self: ~Copyable {
    /// None: for surfaces that let nobody wait.
    public mutating func takeEnded() -> [(order: UInt64, outcome: ControlOutcome)] { [] }
}
