// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import Essentials
internal import Steering

/// Assembles a configuration without using the result, to find what only assembling can find.
public enum ConfigurationTrial {
    /// What would refuse the configuration although each of its options is valid.
    public static func problems(_ settings: Settings) -> [ReloadProblem] {
        do throws(AssemblyRefusal) {
            let present = Assembly.Present(
                registries: Registries(
                    endpoints: EndpointRegistry(capacity: 1 << 20),
                    pools: PoolRegistry(capacity: PlaneStart.poolCapacity)
                ),
                names: ResolvedNames(),
                running: [],
                zones: nil,
                fileLimit: .max
            )
            _ = try Assembly.make(settings, present: present)
            return []
        } catch {
            return error.problems
        }
    }
}
