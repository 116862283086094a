// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import Prober
internal import Runtime
internal import Steering

extension MetricFamily {
    /// Every metric that Martlet has, in the order in which it is shown.
    public static let all: [MetricFamily] =
        processRows + serviceRows + requestRows + learnedRows + endpointRows + drainRows + probeRows
        + httpRows
        + routeRows + mirrorRows + cacheRows + cacheDiskRows + rateRows
        + accessRows + codingRows + traceRows
        + tlsRows + geographyRows + latencyRows + steeringRows + aliasRows
        + dnsRows + transferRows + signingRows + keyRows + updateRows + packetRows + answerRows
        + limitRows
        + workerRows + adminRows

    private static let endpoint = ["pool", "endpoint"]

    private static let serviceRows: [MetricFamily] = [
        MetricFamily("martlet_build", .info, labels: ["version"], "The program that runs.") {
            [MetricSample([$0.view.process.version], .integer(1))]
        },
        MetricFamily("martlet_ready", .gauge, "1 while the doors serve, as /readyz says.") {
            [MetricSample(.truth($0.view.readiness == .ready))]
        },
        MetricFamily(
            "martlet_serving_process_restarts",
            .counter,
            "How often the supervisor started the serving process again."
        ) { [MetricSample(.integer(UInt64($0.view.process.restarts)))] },
        MetricFamily(
            "martlet_upgrades",
            .counter,
            "How often another binary has taken over in place since the service started."
        ) { [MetricSample(.integer(UInt64($0.view.process.upgrades)))] },
        MetricFamily(
            "martlet_configuration_generation",
            .gauge,
            "Number of the configuration in force; grows with each adopted reload."
        ) { [MetricSample(.integer($0.view.generation))] },
        MetricFamily(
            "martlet_configuration_adopted_timestamp_seconds",
            .gauge,
            unit: "seconds",
            "When the configuration in force was adopted."
        ) { [MetricSample(.number(seconds($0.view.adoptedAt)))] },
        MetricFamily(
            "martlet_configuration_reloads",
            .counter,
            labels: ["result"],
            "Reloads of the configuration by result: adopted, or refused for its errors."
        ) {
            [
                MetricSample(["adopted"], .integer(UInt64($0.view.reloads.adopted))),
                MetricSample(["refused"], .integer(UInt64($0.view.reloads.refused))),
            ]
        },
        MetricFamily(
            "martlet_health_generation",
            .gauge,
            "Number of state changes published to all doors since the process started."
        ) { [MetricSample(.integer($0.view.health.generation))] },
    ]

    private static let endpointRows: [MetricFamily] = [
        MetricFamily(
            "martlet_endpoint_health",
            .gauge,
            labels: endpoint + ["state"],
            "1 for the state that the probe found: unknown, up or down."
        ) { source in
            source.perState(Health.allCases.map(\.word)) {
                source.view.health.word($0.slot).health.word
            }
        },
        MetricFamily(
            "martlet_endpoint_administrative",
            .gauge,
            labels: endpoint + ["state"],
            "1 for the state that the operator set: ready, draining or maintenance."
        ) { source in
            source.perState(AdministrativeState.allCases.map(\.word)) {
                source.view.health.word($0.slot).administrative.word
            }
        },
        MetricFamily(
            "martlet_endpoint_role",
            .gauge,
            labels: endpoint + ["state"],
            "1 for the role that the endpoint's answer to the probe has told: unknown, leader or "
                + "replica."
        ) { source in
            source.perState(EndpointRole.allCases.map(\.word)) {
                source.view.health.role($0.slot).word
            }
        },
        MetricFamily(
            "martlet_endpoint_takes_work",
            .gauge,
            labels: endpoint,
            "1 while new work may go there: up, ready and not ejected."
        ) { source in
            source.perEndpoint { .truth(source.view.health.word($0.slot).takesNewWork) }
        },
        MetricFamily(
            "martlet_endpoint_ejected",
            .gauge,
            labels: endpoint,
            "1 while taken out because real requests failed."
        ) { source in source.perEndpoint { .truth(source.view.health.word($0.slot).isEjected) } },
        MetricFamily(
            "martlet_endpoint_circuit",
            .gauge,
            labels: endpoint + ["state"],
            "1 for the state of the circuit breaker: closed, open (ejected) or half-open."
        ) { source in
            source.perState(Circuit.allCases.map(\.word)) {
                source.view.health.word($0.slot).circuit.word
            }
        },
        MetricFamily(
            "martlet_endpoint_unchecked",
            .gauge,
            labels: endpoint,
            "1 when no probe is configured, so that up is an assumption."
        ) { source in source.perEndpoint { .truth(source.view.health.word($0.slot).isUnchecked) } },
        MetricFamily(
            "martlet_endpoint_health_generation",
            .gauge,
            labels: endpoint,
            "The health generation that carried the present state."
        ) { source in
            source.perEndpoint { .integer(UInt64(source.view.health.word($0.slot).generation)) }
        },
        MetricFamily(
            "martlet_endpoint_weight",
            .gauge,
            labels: endpoint,
            "The weight in force: the overlay's, else the file's; slow start not counted."
        ) { source in
            source.perEndpoint {
                .integer(UInt64(source.view.health.weightOverride($0.slot) ?? $0.weight))
            }
        },
        MetricFamily(
            "martlet_endpoint_in_flight",
            .gauge,
            labels: endpoint,
            "Requests under way at the endpoint."
        ) { source in
            source.perEndpoint { .integer(UInt64(max(source.view.load.inFlight($0.slot), 0))) }
        },
        MetricFamily(
            "martlet_endpoint_dns_answers",
            .counter,
            labels: endpoint,
            "DNS answers that held the endpoint's address; beside its weight they show the skew."
        ) { source in
            source.perEndpoint { .integer(source.view.shared.dns.answerCount($0.slot)) }
        },
        MetricFamily(
            "martlet_endpoint_outcomes",
            .counter,
            labels: endpoint + ["result"],
            "Requests that the endpoint served well, or failed by its own fault."
        ) { source in
            source.view.pools.flatMap { pool in
                pool.endpoints.flatMap { endpoint in
                    let load = source.view.load
                    let good = MetricValue.integer(load.successCount(endpoint.slot))
                    let bad = MetricValue.integer(load.failureCount(endpoint.slot))
                    return [
                        MetricSample([pool.label, endpoint.name, "success"], good),
                        MetricSample([pool.label, endpoint.name, "failure"], bad),
                    ]
                }
            }
        },
    ]

    private static let probeRows: [MetricFamily] = [
        MetricFamily(
            "martlet_probe_results",
            .counter,
            labels: endpoint + ["result"],
            "Probes that passed and probes that failed."
        ) { source in
            source.perEndpoint(labels: ["passed", "failed"]) { slot in
                [source.view.counts.load(.passed, slot), source.view.counts.load(.failed, slot)]
            }
        },
        MetricFamily(
            "martlet_probe_duration_seconds",
            .counter,
            unit: "seconds",
            labels: endpoint,
            "Time that probes took, from connecting to their verdict; by their number, the mean."
        ) { source in
            source.perEndpoint { .number(Double(source.view.counts.load(.spent, $0.slot)) / 1e9) }
        },
        MetricFamily(
            "martlet_probe_latest_duration_seconds",
            .gauge,
            unit: "seconds",
            labels: endpoint,
            "Time that the latest probe took."
        ) { source in
            source.perEndpoint { .number(Double(source.view.counts.load(.latest, $0.slot)) / 1e9) }
        },
        MetricFamily(
            "martlet_probe_certificate_expiry_timestamp_seconds",
            .gauge,
            unit: "seconds",
            labels: endpoint,
            "When the certificate ends that the latest probe was shown, in seconds since 1970."
        ) { source in
            source.view.pools.flatMap { pool in
                pool.endpoints.compactMap { endpoint in
                    let ends = source.view.counts.load(.certificateEnds, endpoint.slot)
                    guard ends > 0 else { return nil }
                    return MetricSample([pool.label, endpoint.name], .integer(ends))
                }
            }
        },
        MetricFamily(
            "martlet_calculated_probe_health",
            .gauge,
            labels: ["probe", "state"],
            "1 for the state of a probe that is made of the states of others: unknown, up or down."
        ) { source in
            source.view.checks.flatMap { check in
                Health.allCases.map { health in
                    MetricSample([check.name, health.word], .truth(health == check.health))
                }
            }
        },
        MetricFamily(
            "martlet_probes_running",
            .gauge,
            "Probes under way; `limits.concurrent-probes` bounds them."
        ) { [MetricSample(.integer(UInt64(max($0.view.probing.running, 0))))] },
        MetricFamily(
            "martlet_probe_commands_running",
            .gauge,
            "Commands of probes under way or being ended; `limits.concurrent-commands` bounds them."
        ) { [MetricSample(.integer(UInt64(max($0.view.probing.commands, 0))))] },
        MetricFamily(
            "martlet_probe_command_process_starts",
            .counter,
            "Starts of the process that runs the commands of probes: more than one means that it has "
                + "ended, or was not needed for a while."
        ) { [MetricSample(.integer($0.view.probing.statistics.commandStarts))] },
        MetricFamily(
            "martlet_probes_starved",
            .counter,
            "Probes put off because this machine had no descriptor, port or memory to spare."
        ) { [MetricSample(.integer($0.view.probing.statistics.starved))] },
        MetricFamily(
            "martlet_endpoint_health_changes",
            .counter,
            labels: endpoint,
            "Changes between unknown, up and down."
        ) { source in source.perEndpoint { .integer(source.view.counts.load(.changes, $0.slot)) } },
        MetricFamily(
            "martlet_endpoint_ejections",
            .counter,
            labels: endpoint,
            "Times taken out because real requests failed."
        ) { source in
            source.perEndpoint { .integer(source.view.counts.load(.ejections, $0.slot)) }
        },
    ]

    private static let workerRows: [MetricFamily] = [
        MetricFamily(
            "martlet_worker_cpu_seconds",
            .counter,
            unit: "seconds",
            labels: ["worker"],
            "CPU time of each worker thread."
        ) { source in
            perWorker(source) { .number(Double(source.view.workers.load(.cpu, worker: $0)) / 1e9) }
        },
        MetricFamily(
            "martlet_worker_batches",
            .counter,
            labels: ["worker"],
            "Batches of events that each worker has handled."
        ) { source in
            perWorker(source) { .integer(source.view.workers.load(.batches, worker: $0)) }
        },
        MetricFamily(
            "martlet_worker_turn_seconds",
            .histogram,
            unit: "seconds",
            labels: ["worker"],
            "From the moment that a worker has events until it waits for the next ones."
        ) { source in
            perWorker(source) { worker in
                let turns = source.view.workers.turns(worker: worker)
                let bounds = WorkerWords.turnBounds.map { Double($0) / 1e6 }
                return .histogram(bounds: bounds, counts: turns.counts, sum: turns.sum)
            }
        },
        MetricFamily(
            "martlet_worker_lag_seconds",
            .gauge,
            unit: "seconds",
            labels: ["worker"],
            "How late each worker is: from the moment that an event is ready until it is handled."
        ) { source in
            perWorker(source) { .number(Double(source.view.workers.load(.lag, worker: $0)) / 1e9) }
        },
        MetricFamily(
            "martlet_worker_shedding",
            .gauge,
            labels: ["worker"],
            "Whom each worker refuses for being late: 0 nobody, 1 low priority, 2 normal as well."
        ) { source in
            perWorker(source) { .integer(source.view.workers.load(.shedding, worker: $0)) }
        },
        MetricFamily(
            "martlet_worker_configuration_generation",
            .gauge,
            labels: ["worker"],
            "The configuration that each worker serves."
        ) { source in
            perWorker(source) { .integer(source.view.workers.load(.generation, worker: $0)) }
        },
    ]

    private static let adminRows: [MetricFamily] = [
        MetricFamily("martlet_admin_connections", .gauge, "Connections of the admin service.") {
            [MetricSample(.integer(UInt64($0.adminConnections)))]
        },
        MetricFamily(
            "martlet_events",
            .counter,
            labels: ["kind"],
            "Events by kind: changes of health, ejections, reloads, limits reached and so on."
        ) { source in source.events.map { MetricSample([$0.kind.rawValue], .integer($0.count)) } },
        MetricFamily(
            "martlet_log_dropped_lines",
            .counter,
            labels: ["log"],
            "Log lines dropped because their writer could not keep up."
        ) { source in
            source.droppedLines.map { MetricSample([$0.log], .integer($0.count)) }
        },
    ]

    private static let processRows: [MetricFamily] = [
        MetricFamily(
            "process_cpu_seconds",
            .counter,
            unit: "seconds",
            "CPU time of the serving process, user and system."
        ) { usage($0) { .number($0.cpu.seconds) } },
        MetricFamily(
            "process_resident_memory_bytes",
            .gauge,
            unit: "bytes",
            "Memory of the serving process that is in RAM."
        ) { usage($0) { .integer(UInt64($0.residentBytes)) } },
        MetricFamily(
            "process_virtual_memory_bytes",
            .gauge,
            unit: "bytes",
            "Address space of the serving process."
        ) { usage($0) { .integer(UInt64($0.virtualBytes)) } },
        MetricFamily("process_open_fds", .gauge, "Open file descriptors.") {
            usage($0) { .integer(UInt64($0.openFiles)) }
        },
        MetricFamily("process_max_fds", .gauge, "The limit of open file descriptors.") {
            [MetricSample(.integer(UInt64(max($0.view.process.fileLimit, 0))))]
        },
        MetricFamily(
            "process_start_time_seconds",
            .gauge,
            unit: "seconds",
            "When the serving process started, since 1970."
        ) { [MetricSample(.number(seconds($0.view.process.startedAt)))] },
    ]

    private static func perWorker(
        _ source: MetricSource,
        _ value: (Int) -> MetricValue
    ) -> [MetricSample] {
        (0..<source.view.workers.count).map { MetricSample(["\($0)"], value($0)) }
    }

    private static func usage(
        _ source: MetricSource,
        _ value: (ProcessUsage) -> MetricValue
    ) -> [MetricSample] {
        source.usage.map { [MetricSample(value($0))] } ?? []
    }

    private static func seconds(_ nanoseconds: Int64) -> Double {
        (Double(nanoseconds) / 1e6).rounded() / 1e3
    }
}
