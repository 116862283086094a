// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import EdgeCache
internal import Essentials
internal import HTTPGateway
internal import HTTPProtocol

extension CacheSettings {
    /// The same as the HTTP door is told it, which knows pools by number.
    func plan(_ pools: [String: Int]) -> CachePlan {
        var plan = CachePlan(name: name)
        plan.memory = memory.bytes
        plan.objectLimit = objectLimit.bytes
        if let disk, let diskFolder {
            plan.disk = DiskPlan(folder: diskFolder, size: disk.bytes)
        }
        plan.pinnedLimit = pinnedLimit.bytes
        plan.rules = rules
        plan.key = key.rule
        plan.minUses = minUses
        plan.queryLimit = queryLimit.bytes
        plan.waitLimit = wait
        plan.passLifetime = passLifetime
        plan.hasStatusField = statusHeader
        plan.tellsTags = tagsToClients
        plan.statusName = statusName
        plan.purgers = purge
        plan.through = through.flatMap { pools[$0] }
        return plan
    }

    private var rules: CacheRules {
        var rules = CacheRules()
        rules.lifetimes = lifetimes.map { CacheLifetime($0.statuses, $0.lifetime) }
        rules.lifetimesWin = override
        rules.heuristicPercent = Int64(heuristicPercent.percent)
        rules.heuristicLimit = heuristicLimit
        rules.lifetimeLimit = lifetimeLimit
        rules.refreshAheadPercent = Int64(refreshAhead.percent)
        rules.jitterPercent = Int64(jitter.percent)
        rules.staleWhileRevalidate = staleWhileRevalidate
        rules.staleIfError = staleIfError
        rules.allowsStaleBesideSharedMaxAge = allowStaleWithSMaxage
        rules.heedsClients = heedClients
        rules.keepsCookies = keepCookies
        if let targets { rules.targets = TargetList(targets) }
        return rules
    }
}

extension CacheKeySettings {
    fileprivate var rule: CacheKeyRule {
        var rule = CacheKeyRule()
        rule.hasHost = host
        rule.query =
            switch query {
            case .all: .all
            case .sorted: .sorted
            case .none: .none
            }
        if !only.isEmpty { rule.query = .only(only.map { Array($0.utf8) }) }
        if !without.isEmpty { rule.query = .without(without.map { Array($0.utf8) }) }
        rule.fields = headers.map { Array($0.lowercased().utf8) }
        rule.cookies = cookies.map { Array($0.utf8) }
        return rule
    }
}
