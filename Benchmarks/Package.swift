// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableExperimentalFeature("Lifetimes"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "martlet", path: "..")],
    targets: [
        .target(name: "CMeter"),
        .executableTarget(
            name: "DoorBenchmarks",
            dependencies: [
                "CMeter",
                .product(name: "MartletDoors", package: "martlet"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "StoreBenchmarks",
            dependencies: [.product(name: "MartletDoors", package: "martlet")],
            swiftSettings: settings
        ),
    ]
)
