// SPDX-License-Identifier: Apache-2.0

/// What can be wrong with a configuration; the codes stay as they are for ever.
///
/// M10xx reading, M11xx shape, M12xx single values, M13xx meaning across values.
public enum DiagnosticCode: String, Sendable, Hashable, CaseIterable {
    /// The text is not YAML.
    case notYAML = "M1001"
    /// The file is larger than what is read.
    case fileTooLarge = "M1002"
    /// Nesting or number of values is over its bound.
    case tooManyValues = "M1003"
    /// An alias names nothing, or itself.
    case badAlias = "M1004"
    /// A part of YAML that Martlet does not use.
    case unusedYAML = "M1005"
    /// A file cannot be read.
    case unreadableFile = "M1006"

    /// A key that no option has.
    case unknownKey = "M1101"
    /// A key that stands twice.
    case duplicateKey = "M1102"
    /// A mapping where a list is wanted, and the like.
    case wrongKind = "M1103"
    /// An option that must be given is not.
    case missingKey = "M1104"
    /// Options that exclude each other.
    case excludingKeys = "M1105"
    /// An option without the one it belongs to.
    case keyWithoutOther = "M1106"
    /// A name that cannot be used as one.
    case badName = "M1107"

    /// Not a length of time.
    case notDuration = "M1201"
    /// Not a number of bytes.
    case notSize = "M1202"
    /// Not a whole number.
    case notInteger = "M1203"
    /// Not a percentage.
    case notPercentage = "M1204"
    /// Not true or false.
    case notBoolean = "M1205"
    /// Not one of the words.
    case notWord = "M1206"
    /// Outside the range.
    case outOfRange = "M1207"
    /// Not an address.
    case notAddress = "M1208"
    /// Not a prefix in CIDR form.
    case notPrefix = "M1209"
    /// Not a range of HTTP statuses.
    case notStatus = "M1210"
    /// Not a host pattern.
    case notHost = "M1211"
    /// Not a path.
    case notPath = "M1212"
    /// Not a domain name.
    case notDomainName = "M1213"
    /// Not the data of a record.
    case notRecord = "M1214"
    /// Not a hash key.
    case notHashKey = "M1215"
    /// A text with characters that cannot be there, or too long.
    case badText = "M1216"
    /// A regular expression that RE2 refuses.
    case badExpression = "M1217"
    /// A number that must be a prime is none.
    case notPrime = "M1218"
    /// A certificate or key that cannot be used.
    case badCertificate = "M1219"
    /// A list of ciphers or groups that OpenSSL refuses.
    case badCipherList = "M1220"
    /// A text with variables that do not exist.
    case badTemplate = "M1221"
    /// Not a number of requests in a time.
    case notRate = "M1222"
    /// A file of ticket keys that cannot be used.
    case badTicketKeys = "M1231"
    /// A file of users that cannot be used.
    case badUsers = "M1240"
    /// A file of public keys that cannot be used.
    case badKeys = "M1241"
    /// A geographic database that cannot be used.
    case badDatabase = "M1250"
    /// A code of no country or subdivision.
    case badPlace = "M1251"
    /// Not a decimal number.
    case notDecimal = "M1252"
    /// No moment of the calendar.
    case badMoment = "M1260"
    /// No change of a weight.
    case badWeightStep = "M1261"

    /// A probe that is not defined.
    case unknownProbe = "M1301"
    /// A pool that is not defined.
    case unknownPool = "M1302"
    /// A policy that is not defined.
    case unknownPolicy = "M1303"
    /// Policies that refer to each other in a circle.
    case policyLoop = "M1304"
    /// A policy without members.
    case emptyPolicy = "M1305"
    /// A pool without endpoints.
    case emptyPool = "M1306"
    /// The same endpoint twice.
    case duplicateEndpoint = "M1307"
    /// The same route twice.
    case duplicateRoute = "M1308"
    /// Two listeners that exclude each other.
    case listenerConflict = "M1309"
    /// A probe that needs a port of its own.
    case probeWithoutPort = "M1310"
    /// Bounds in the wrong order.
    case wrongOrder = "M1311"
    /// CNAME beside other data.
    case aliasBesideData = "M1312"
    /// A name outside its zone.
    case outOfZone = "M1313"
    /// The same zone or owner twice.
    case duplicateOwner = "M1314"
    /// A steered name with plain addresses.
    case steeredBesideData = "M1315"
    /// A fault inside a zone file.
    case zoneFileFault = "M1316"
    /// The same record twice.
    case duplicateRecord = "M1317"

    /// Policies that refer to each other too deeply.
    case policyTooDeep = "M1318"
    /// More of something than Martlet takes.
    case tooMany = "M1319"

    /// A key of another certificate.
    case keyMismatch = "M1320"
    /// A certificate whose time is over.
    case certificateExpired = "M1321"
    /// A PROXY header where connections carry the requests of many clients.
    case proxyBesideHTTP2 = "M1322"
    /// A file without listeners in place of one with some.
    case nothingServedAnyMore = "M1329"
    /// A probe of TLS where no TLS is spoken.
    case probeWithoutTLS = "M1330"
    /// Two branches for the same region.
    case duplicateRegion = "M1346"
    /// A policy that is too large to go through for every query.
    case policyTooLarge = "M1347"

    /// Calculated probes that depend on each other in a circle.
    case checkLoop = "M1331"
    /// Calculated probes that depend on each other too deeply.
    case checkTooDeep = "M1332"
    /// A probe that asks, where one with a state of its own is wanted.
    case notCalculated = "M1333"
    /// A member that a pool does not have.
    case unknownMember = "M1336"
    /// A calculated probe without members.
    case emptyCheck = "M1337"

    /// A pool that goes by roles without a probe that tells them.
    case roleWithoutProbe = "M1350"

    /// A program that is not named by an absolute path.
    case relativeCommand = "M1410"
    /// A program that other accounts may change.
    case openCommand = "M1411"

    /// Bounds of a limit that is switched off.
    case idleConcurrency = "M1340"
    /// Parts of second attempts that are switched off.
    case idleHedge = "M1341"
    /// Second attempts where connections do not allow them.
    case hedgeBesideOthers = "M1342"
    /// Copies of requests for endpoints that are asked by HTTP/2.
    case mirrorByHTTP2 = "M1343"
    /// A branch that a policy does not have.
    case unknownBranch = "M1344"
    /// Two branches of one name.
    case duplicateBranch = "M1345"
    /// Changes of a weight that contradict each other.
    case scheduleBreak = "M1348"
    /// A move of a name while the old place is cached.
    case migrationTooEarly = "M1349"

    /// All weights are zero.
    case allWeightsZero = "M1351"
    /// Something defined and never used.
    case unused = "M1352"
    /// Nothing listens.
    case nothingListens = "M1353"
    /// A route can never be reached.
    case unreachable = "M1354"
    /// The admin listener is open to other machines.
    case openAdmin = "M1355"
    /// A check may take longer than the time to the next.
    case slowProbe = "M1356"
    /// Something in a zone that is probably not meant.
    case zoneFinding = "M1357"
    /// A certificate ends soon.
    case certificateEndsSoon = "M1358"
    /// Sticky clients in a pool that hashes them anyway.
    case needlessSticky = "M1359"
    /// A pool that keeping clients where they are will make uneven.
    case stickySkew = "M1360"
    /// Roles by status, where those who do not lead are down.
    case replicasDown = "M1361"
    /// A cookie that browsers drop.
    case droppedCookie = "M1362"
    /// A time to drain that is hardly meant.
    case unusualDrain = "M1366"
    /// A secret that every account may read or change.
    case openSecret = "M1371"
    /// An OCSP response that is not stapled.
    case nothingStapled = "M1372"
    /// Copies that go where the requests go.
    case mirrorToItself = "M1373"
    /// A mirror that gets nothing.
    case idleMirror = "M1374"
    /// Copies that go where requests of clients go.
    case sharedMirror = "M1375"
    /// Copies in the clear of requests that go by TLS.
    case clearMirror = "M1376"
    /// Questions of DNS over HTTPS that come in the clear.
    case clearQuestions = "M1377"
    /// DNS over TLS at the port of DNS in the clear.
    case clearPort = "M1378"
    /// Spans are exported, and nothing makes any.
    case untracedExport = "M1380"
    /// Fields for the collector in plain text.
    case plainTextSpans = "M1381"
    /// A policy that asks where clients are, and nothing says so.
    case unplacedPolicy = "M1389"
    /// A geographic policy without a branch for everybody else.
    case noDefaultRegion = "M1390"
    /// A branch that never serves.
    case unreachableBranch = "M1391"
    /// Clients that are to stay in a region can leave it.
    case residencyLeak = "M1392"
    /// A failover that may take longer than it should.
    case slowFailover = "M1393"
    /// A branch that is to shed load, and has no limits to measure it by.
    case loadWithoutLimits = "M1394"
    /// Answers that are to rest, of a policy that gives none itself.
    case idleSettle = "M1395"
    /// A migration to where all clients are.
    case idleMigration = "M1755"

    /// A file of measurements that cannot be used.
    case badMeasurements = "M1440"
    /// A branch that measurements cannot name.
    case unnamedTarget = "M1441"
    /// Two branches that measurements call the same.
    case duplicateTarget = "M1442"
    /// Round trips measured for no target.
    case measuredForNobody = "M1443"
    /// A target that no branch has.
    case unknownTarget = "M1450"
    /// A file of measurements without any.
    case emptyMeasurements = "M1451"
    /// A branch that nothing orders.
    case unplacedTarget = "M1452"
    /// Measurements that no policy goes by, or that nobody makes.
    case idleMeasurements = "M1453"
    /// Not a secret in base64, or one that can be guessed.
    case badSecret = "M1470"
    /// A key of transactions that is not defined.
    case unknownTransactionKey = "M1471"
    /// A zone that comes from elsewhere, with data of its own.
    case secondaryWithData = "M1472"
    /// A member of a catalog that is no zone, or a group like one that comes from nowhere.
    case unlistedZone = "M1473"
    /// A member or a group that a catalog names twice, or a catalog that names itself.
    case repeatedMember = "M1474"
    /// A catalog that is made of its members, with data of its own.
    case catalogWithData = "M1475"
    /// A rule of updates that lets everybody in.
    case openUpdates = "M1490"
    /// Names that a rule of updates cannot be about.
    case badUpdateName = "M1491"
    /// A rule of updates for the wildcard name alone.
    case wildcardUpdateName = "M1510"
    /// A zone that is signed as it is answered for, and goes out to others.
    case unsignedTransfers = "M1534"
    /// Zones that go out, and a listener of DNS over TLS by which none of their peers may take them.
    case unmetTransfers = "M1693"
    /// A listener of DNS over TLS that speaks versions by which no zone goes.
    case oldTransferVersion = "M1694"
    /// Two listeners that take queries at one interface.
    case sharedInterface = "M1690"
    /// Not the name of an interface.
    case badInterface = "M1691"
    /// A cache that is not defined.
    case unknownCache = "M1800"
    /// A disk of a cache that is too small for its objects.
    case smallCacheDisk = "M1801"
    /// Two caches that have one folder.
    case sharedCacheFolder = "M1802"
    /// A cache where everybody proves who they are.
    case cachedAccess = "M1810"
    /// A cache in front of a pool that keeps clients at their endpoints.
    case cachedSessions = "M1811"
    /// Cookies of one client that are given to all.
    case sharedCookies = "M1812"
    /// A key of requests that leaves out the query.
    case keyWithoutQuery = "M1813"
    /// Caches that may take more memory than there is.
    case cachesBeyondMemory = "M1814"
    /// A cache that fetches through the pool that it stands in front of.
    case cacheThroughOwnPool = "M1815"
    /// A program that is not there.
    case missingCommand = "M1415"
    /// A program that cannot be executed.
    case unusableCommand = "M1416"
}

/// How much a finding matters.
public enum Severity: String, Sendable, Hashable {
    /// The configuration is refused.
    case error
    /// It is taken; somebody should look.
    case warning
}

extension DiagnosticCode {
    /// Warnings are the codes from M1351 on, but for the errors of ranges that have both.
    public var severity: Severity {
        switch rawValue {
        case "M1410"..."M1414", "M1440"..."M1449", "M1470"..."M1484", "M1490"..."M1494": .error
        case "M1690"..."M1692", "M1800"..."M1809": .error
        default: rawValue >= "M1351" ? .warning : .error
        }
    }
}
