// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// Settings shared by every Swift target (Documentation/decisions/0001).
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies + ["Essentials", "TestSupport"],
        swiftSettings: settings
    )
}

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        // For the benchmarks package only: not an interface that others may rely on.
        .library(
            name: "MartletDoors",
            targets: [
                "Essentials", "Steering", "Runtime", "DNSProtocol", "DNSServer", "HTTPProtocol",
                "HTTPGateway", "EdgeCache",
            ]
        ),
    ],
    targets: [
        // C borders: headers and shims only.
        .systemLibrary(name: "CCoding", path: "C/CCoding"),
        .systemLibrary(name: "CCrypt", path: "C/CCrypt"),
        .systemLibrary(name: "CLinux", path: "C/CLinux"),
        .systemLibrary(name: "CMaxMindDB", path: "C/CMaxMindDB"),
        .systemLibrary(name: "CNGHTTP2", path: "C/CNGHTTP2"),
        .systemLibrary(name: "CSQLite", path: "C/CSQLite"),
        .systemLibrary(name: "CYAML", path: "C/CYAML"),
        .systemLibrary(name: "COpenSSL", path: "C/COpenSSL"),
        .target(
            name: "CRE2",
            path: "C/CRE2",
            cxxSettings: [.unsafeFlags(["-std=c++17"])],
            linkerSettings: [.linkedLibrary("re2")]
        ),

        // Pure core.
        module("Essentials"),
        module("DNSProtocol", ["Essentials"]),
        module("HTTPProtocol", ["Essentials", "CNGHTTP2"]),
        module("Steering", ["Essentials"]),
        module("Configuration", ["Essentials", "CYAML"]),

        // Shell.
        module(
            "Runtime",
            [
                "Essentials", "CCoding", "CCrypt", "CLinux", "CMaxMindDB", "COpenSSL", "CRE2",
                "CSQLite",
            ]
        ),
        module("DNSServer", ["Essentials", "DNSProtocol", "Steering", "Runtime"]),
        module("EdgeCache", ["Essentials", "HTTPProtocol", "Runtime"]),
        module(
            "HTTPGateway",
            ["Essentials", "HTTPProtocol", "Steering", "Runtime", "EdgeCache"]
        ),
        module("Prober", ["Essentials", "DNSProtocol", "HTTPProtocol", "Steering", "Runtime"]),
        module(
            "ControlPlane",
            [
                "Essentials", "DNSProtocol", "HTTPProtocol", "Steering", "Configuration",
                "Runtime", "DNSServer", "EdgeCache", "HTTPGateway", "Prober",
            ],
            resources: [.embedInCode("Admin/status.html")]
        ),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "Essentials", "Configuration", "Runtime", "HTTPProtocol", "HTTPGateway",
                "Prober", "Steering", "ControlPlane",
            ],
            swiftSettings: settings
        ),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["Essentials"],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        tests("EssentialsTests", []),
        tests("DNSProtocolTests", ["DNSProtocol"]),
        tests("HTTPProtocolTests", ["HTTPProtocol"]),
        tests("SteeringTests", ["Steering"]),
        tests("ConfigurationTests", ["Configuration"]),
        tests("RuntimeTests", ["Runtime"]),
        tests("DNSServerTests", ["DNSServer", "DNSProtocol", "Steering", "Runtime"]),
        tests("EdgeCacheTests", ["EdgeCache", "HTTPProtocol", "Runtime"]),
        tests("HTTPGatewayTests", ["HTTPGateway", "EdgeCache", "HTTPProtocol", "Steering"]),
        tests("ProberTests", ["Prober", "Steering", "DNSProtocol", "HTTPProtocol", "Runtime"]),
        tests(
            "ControlPlaneTests",
            [
                "ControlPlane", "Configuration", "DNSProtocol", "DNSServer", "EdgeCache",
                "HTTPGateway", "HTTPProtocol", "Prober", "Runtime", "Steering",
            ]
        ),
        tests("martletTests", ["martlet", "ControlPlane", "Configuration", "Prober", "Steering"]),
        tests("HouseRules", ["Configuration"]),
    ]
)
