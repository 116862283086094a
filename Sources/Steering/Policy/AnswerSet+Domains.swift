// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The failure domains of which an answer has an address: across all nodes that gave it some.
extension AnswerSet {
    // 16 addresses whose branches are in two domains each, one within the other.
    static var domainLimit: Int { 32 }

    /// True when the answer has an address of the domain; 0 stands for none, which is never taken.
    ///
    /// With no more room to note domains all of them count as taken: an answer that is shorter than
    /// it could be is better than one whose addresses fail together.
    func isTaken(domain: UInt16) -> Bool {
        guard domain != 0 else { return false }
        for place in 0..<domainCount where domains[place] == domain { return true }
        return domainCount == AnswerSet.domainLimit
    }

    /// Notes that what was added at `place` is of the domain, if something was.
    mutating func take(domain: UInt16, from place: Int) {
        guard count > place, domainCount < AnswerSet.domainLimit else { return }
        domains[domainCount] = domain
        domainPlaces[domainCount] = UInt8(truncatingIfNeeded: place)
        domainCount &+= 1
    }

    /// The address for which a domain is taken; nil when the answer has none of it.
    func keeper(of domain: UInt16) -> IPAddress? {
        for place in 0..<domainCount where domains[place] == domain {
            return address(Int(domainPlaces[place]))
        }
        return nil
    }
}
