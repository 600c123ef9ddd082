// swift-tools-version: 6.1
import PackageDescription

/// Of tests that compute little themselves: they compile in half of the time.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

let package = Package(
  name: "Trompe",
  products: [
    .executable(name: "trompe", targets: ["trompe"]),
    .library(name: "TrompeKit", targets: ["TrompeKit"]),
    .library(name: "TensorGraph", targets: ["TensorGraph"]),
    .library(name: "TensorPlan", targets: ["TensorPlan"]),
    .library(name: "TensorReference", targets: ["TensorReference"]),
    .library(name: "TensorRuntime", targets: ["TensorRuntime"]),
    .library(name: "TensorNull", targets: ["TensorNull"]),
    .library(name: "StableHLO", targets: ["StableHLO"]),
    .library(name: "TensorXLA", targets: ["TensorXLA"]),
    .library(name: "TensorCPU", targets: ["TensorCPU"]),
    .library(name: "Networks", targets: ["Networks"]),
    .library(name: "KerasModels", targets: ["KerasModels"]),
    .library(name: "TensorFiles", targets: ["TensorFiles"]),
    .library(name: "Checkpoints", targets: ["Checkpoints"]),
    .library(name: "ImageData", targets: ["ImageData"]),
    .library(name: "Explanations", targets: ["Explanations"]),
    .library(name: "Pictures", targets: ["Pictures"]),
    .library(name: "Similarity", targets: ["Similarity"]),
    .library(name: "Perturbation", targets: ["Perturbation"]),
    .library(name: "Faithfulness", targets: ["Faithfulness"]),
    .library(name: "Attacks", targets: ["Attacks"]),
    .library(name: "Defences", targets: ["Defences"]),
    .library(name: "Geometry", targets: ["Geometry"]),
    .library(name: "Influence", targets: ["Influence"]),
    .library(name: "Reports", targets: ["Reports"]),
    .library(name: "Manipulation", targets: ["Manipulation"]),
    .library(name: "Foolings", targets: ["Foolings"]),
    .library(name: "Recipes", targets: ["Recipes"]),
    .library(name: "Programs", targets: ["Programs"]),
    .library(name: "Evaluation", targets: ["Evaluation"]),
    .library(name: "Runs", targets: ["Runs"]),
    .library(name: "Attacking", targets: ["Attacking"]),
    .library(name: "Influencing", targets: ["Influencing"]),
    .library(name: "Explaining", targets: ["Explaining"]),
    .library(name: "Repairing", targets: ["Repairing"]),
    .library(name: "Studies", targets: ["Studies"]),
    .library(name: "Auditing", targets: ["Auditing"]),
    .library(name: "Sweeps", targets: ["Sweeps"]),
    .library(name: "RunReports", targets: ["RunReports"]),
    .library(name: "Benchmarks", targets: ["Benchmarks"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    // The system's libraries, as packaged by Debian and Ubuntu.
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CHDF5System", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    // The engine.
    .target(name: "TensorGraph"),
    .target(name: "TensorPlan", dependencies: ["TensorGraph"]),
    .target(name: "TensorReference", dependencies: ["TensorGraph"]),
    .target(
      name: "CTensorKernels", dependencies: ["COneDNN"],
      cSettings: [.headerSearchPath(".")],
      linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
    .target(name: "TensorRuntime", dependencies: ["TensorGraph"]),
    .target(name: "TensorNull", dependencies: ["TensorGraph", "TensorRuntime"]),
    .target(
      name: "TensorCPU",
      dependencies: ["TensorGraph", "TensorPlan", "TensorRuntime", "CTensorKernels"]),
    .target(name: "StableHLO", dependencies: ["TensorGraph", "TensorRuntime"]),
    .target(
      name: "CPJRT", cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("dl")]),
    .target(
      name: "TensorXLA",
      dependencies: ["CPJRT", "StableHLO", "TensorGraph", "TensorPlan", "TensorRuntime"]),

    // What is built on it.
    .target(name: "Networks", dependencies: ["TensorGraph"]),
    .target(name: "KerasModels", dependencies: ["TensorGraph", "Networks"]),
    .target(
      name: "CHDF5", dependencies: ["CHDF5System"], cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("hdf5")]),
    .target(
      name: "CZip", dependencies: ["CZlib"], cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("z")]),
    .target(name: "TensorFiles", dependencies: ["TensorGraph", "CHDF5", "CZip", "CCrypto"]),
    .target(name: "Checkpoints", dependencies: ["TensorGraph", "TensorFiles"]),
    .target(name: "ImageData", dependencies: ["CTurboJPEG", "CPNG", "CWebP"]),
    .target(name: "Explanations", dependencies: ["TensorGraph", "Networks"]),
    .target(name: "Pictures", dependencies: ["ImageData"]),
    .target(name: "Similarity", dependencies: ["Pictures"]),
    .target(name: "Perturbation", dependencies: ["ImageData", "Pictures"]),
    .target(
      name: "Faithfulness",
      dependencies: ["Networks", "ImageData", "Pictures", "Similarity", "Perturbation"]),
    .target(
      name: "Attacks", dependencies: ["TensorGraph", "Networks", "Pictures", "Similarity"]),
    .target(name: "Geometry"),
    .target(name: "Influence"),
    .target(name: "Defences", dependencies: ["TensorGraph", "Networks"]),
    .target(name: "Reports", dependencies: ["ImageData", "Pictures"]),
    .target(
      name: "RunSupport",
      dependencies: ["ImageData", "TensorFiles"]),
    .target(
      name: "Foolings",
      dependencies: [
        "TensorGraph", "Networks", "ImageData", "Explanations", "Pictures", "Similarity",
        "RunSupport",
      ]),
    .target(
      name: "Recipes",
      dependencies: [
        "TensorGraph", "TensorRuntime", "Networks", "Checkpoints", "ImageData", "Explanations",
        "Perturbation", "Attacks", "Defences", "Faithfulness", "Yams", "RunSupport", "Foolings",
      ]),
    .target(
      name: "Programs",
      dependencies: [
        "TensorGraph", "TensorPlan", "TensorRuntime", "Networks", "KerasModels", "Checkpoints",
        "ImageData",
        "Explanations", "Pictures", "Attacks", "Defences", "Geometry", "RunSupport", "Foolings",
        "Recipes",
      ]),
    .target(
      name: "Evaluation",
      dependencies: [
        "TensorRuntime", "Networks", "ImageData", "Explanations", "Pictures", "Reports",
        "Similarity", "Faithfulness", "RunSupport", "Foolings", "Recipes", "Programs",
      ]),
    .target(
      name: "RunFolders",
      dependencies: [
        "Checkpoints", "ImageData", "Explanations", "Attacks", "Faithfulness", "Reports",
        "RunSupport", "Recipes",
        "Programs",
      ]),
    .target(
      name: "RunReports",
      dependencies: [
        "Checkpoints", "ImageData", "Pictures", "Reports", "Faithfulness", "RunSupport", "Foolings",
        "Evaluation",
        "RunFolders", "Recipes",
      ]),
    .target(
      name: "Runs",
      dependencies: [
        "TensorGraph", "TensorRuntime", "Networks", "Checkpoints", "ImageData", "Explanations",
        "Reports", "Faithfulness", "RunSupport", "Foolings", "Recipes", "Programs", "Evaluation",
        "RunFolders",
        "RunReports",
      ]),
    .target(
      name: "Attacking",
      dependencies: [
        "TensorRuntime", "ImageData", "Explanations", "Pictures", "Similarity", "Attacks",
        "Geometry", "Reports", "RunSupport", "Foolings", "Recipes", "Programs", "Evaluation",
        "RunFolders", "Runs",
      ]),
    .target(
      name: "Influencing",
      dependencies: [
        "TensorRuntime", "ImageData", "Pictures", "Similarity", "Attacks", "Influence", "Reports",
        "RunSupport", "Recipes", "Programs", "Evaluation", "RunFolders", "Runs", "Attacking",
      ]),
    .target(
      name: "Explaining",
      dependencies: [
        "TensorGraph", "TensorRuntime", "Networks", "Checkpoints", "ImageData", "Explanations",
        "Pictures", "RunSupport", "Foolings", "Recipes", "Programs", "RunFolders",
      ]),
    .target(
      name: "Repairing",
      dependencies: [
        "TensorGraph", "TensorRuntime", "Networks", "Checkpoints", "ImageData", "Explanations",
        "RunSupport", "Foolings", "Recipes", "Programs", "Evaluation", "RunFolders", "Runs",
      ]),
    .target(
      name: "Studies",
      dependencies: [
        "TensorGraph", "TensorRuntime", "Checkpoints", "ImageData", "Explanations", "Pictures",
        "Similarity", "Perturbation", "Faithfulness", "Reports", "RunSupport", "Foolings",
        "Recipes", "Programs", "Evaluation", "RunFolders", "Runs", "Repairing", "Attacking",
      ]),
    .target(
      name: "Auditing",
      dependencies: [
        "TensorGraph", "TensorRuntime", "Networks", "Checkpoints", "ImageData", "Explanations",
        "Pictures", "Similarity", "Reports", "RunSupport", "Foolings", "Recipes", "Programs",
        "Evaluation", "RunFolders", "Runs",
      ]),
    .target(
      name: "Sweeps",
      dependencies: ["Checkpoints", "Recipes", "Reports", "RunFolders", "RunSupport"]),
    .target(
      name: "Manipulation",
      dependencies: [
        "Attacking", "Auditing", "Evaluation", "Explaining", "Faithfulness", "Foolings",
        "Influencing", "Programs",
        "Recipes",
        "Repairing",
        "RunFolders", "RunReports", "RunSupport", "Runs", "Studies", "Sweeps",
      ]),
    .target(
      name: "TrompeKit",
      dependencies: [
        "Checkpoints", "Explanations", "ImageData", "Manipulation", "Networks", "Pictures",
        "Similarity", "TensorCPU", "TensorRuntime",
      ]),
    .target(
      name: "Benchmarks",
      dependencies: [
        "Manipulation", "Explanations", "Networks", "TensorCPU", "TensorGraph", "TensorRuntime",
      ]),
    .target(name: "CArguments"),
    .target(name: "CBuild"),
    .executableTarget(
      name: "trompe",
      dependencies: [
        "CArguments", "CBuild", "Benchmarks", "Manipulation", "Checkpoints", "Explanations",
        "Faithfulness",
        "ImageData", "KerasModels", "Networks", "Pictures", "Similarity", "TensorCPU",
        "TensorRuntime", "TensorXLA",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Operation cases and random programs that the tests of several modules run.
    .target(
      name: "TensorTestSupport", dependencies: ["TensorGraph", "TensorReference", "TensorRuntime"],
      path: "Tests/TensorTestSupport"),
    .target(
      name: "TensorCPUTestSupport", dependencies: ["TensorCPU"], path: "Tests/TensorCPUTestSupport"),
    .target(name: "TestSupport", dependencies: ["Networks"], path: "Tests/TestSupport"),
    .target(
      name: "RunTestSupport",
      dependencies: [
        "Manipulation", "Checkpoints", "Explanations", "ImageData", "Networks", "TensorCPU",
        "TensorGraph", "TensorRuntime", "TestSupport",
      ], path: "Tests/RunTestSupport", swiftSettings: unoptimized),
    .testTarget(
      name: "TensorGraphTests",
      dependencies: ["TensorGraph", "TensorReference", "TensorTestSupport"]),
    .testTarget(
      name: "TensorPlanTests", dependencies: ["TensorGraph", "TensorPlan", "TensorTestSupport"]),
    .testTarget(
      name: "StableHLOTests",
      dependencies: ["StableHLO", "TensorGraph", "TensorRuntime", "TensorTestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "TensorXLATests",
      dependencies: [
        "StableHLO", "TensorGraph", "TensorReference", "TensorRuntime", "TensorTestSupport",
        "TensorXLA",
      ], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "TensorCPUTests",
      dependencies: [
        "TensorGraph", "TensorPlan", "TensorRuntime", "TensorCPU", "CTensorKernels",
        "TensorReference", "TensorTestSupport", "TensorCPUTestSupport",
      ], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NetworksTests",
      dependencies: [
        "Networks", "KerasModels", "TensorCPU", "TensorRuntime", "TensorReference", "Checkpoints",
        "ImageData", "TestSupport",
      ],
      resources: [.copy("Fixtures")], swiftSettings: unoptimized),
    .testTarget(
      name: "ExplanationsTests",
      dependencies: [
        "Explanations", "Networks", "KerasModels", "TensorReference", "TensorRuntime", "TensorCPU",
        "Checkpoints", "ImageData", "TestSupport",
      ], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "TensorGraph", "TestSupport"],
      resources: [.copy("Fixtures")], swiftSettings: unoptimized),
    .testTarget(
      name: "ImageDataTests", dependencies: ["ImageData", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(name: "PicturesTests", dependencies: ["Pictures", "ImageData"]),
    .testTarget(name: "SimilarityTests", dependencies: ["Similarity", "Pictures"]),
    .testTarget(
      name: "PerturbationTests", dependencies: ["Perturbation", "ImageData", "Pictures"]),
    .testTarget(
      name: "AttacksTests",
      dependencies: [
        "Attacks", "Explanations", "Networks", "Pictures", "TensorGraph", "TensorReference",
      ]),
    .testTarget(
      name: "FaithfulnessTests",
      dependencies: [
        "Faithfulness", "Manipulation", "Checkpoints", "Explanations", "ImageData", "Networks",
        "Pictures", "RunTestSupport", "TensorFiles", "TensorGraph", "TestSupport",
      ], resources: [.copy("Fixtures")], swiftSettings: unoptimized),
    .testTarget(name: "AuditingTests", dependencies: ["Auditing", "Pictures"]),
    .testTarget(name: "GeometryTests", dependencies: ["Geometry"]),
    .testTarget(name: "InfluenceTests", dependencies: ["Influence"]),
    .testTarget(
      name: "DefencesTests",
      dependencies: ["Defences", "Networks", "TensorGraph", "TensorReference"]),
    .testTarget(
      name: "ReportsTests", dependencies: ["Reports", "Pictures", "ImageData", "TestSupport"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "FoolingsTests",
      dependencies: [
        "Manipulation", "Checkpoints", "Explanations", "ImageData", "Networks", "Pictures",
        "Reports", "RunTestSupport", "Similarity", "TensorGraph", "TensorReference", "TestSupport",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "RecipesTests",
      dependencies: [
        "Manipulation", "Attacks", "Checkpoints", "Explanations", "ImageData", "Networks",
        "RunTestSupport", "TensorRuntime",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "ProgramsTests",
      dependencies: [
        "Manipulation", "Checkpoints", "Explanations", "ImageData", "KerasModels", "Networks",
        "RunTestSupport", "TensorCPUTestSupport", "TensorGraph", "TensorReference", "TensorRuntime",
        "TensorFiles", "TestSupport",
      ],
      resources: [.copy("Fixtures")], swiftSettings: unoptimized),
    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "Manipulation", "Checkpoints", "Explanations", "ImageData", "Networks", "RunTestSupport",
        "TensorGraph", "TestSupport",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "ExplainingTests",
      dependencies: [
        "Manipulation", "Checkpoints", "Explanations", "ImageData", "Pictures", "RunTestSupport",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "RunsTests",
      dependencies: [
        "Manipulation", "Attacks", "Auditing", "Checkpoints", "Defences", "Explanations",
        "ImageData", "Networks", "RunTestSupport", "TensorCPU", "TensorGraph", "TensorNull",
        "TensorRuntime", "TensorXLA",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "RunReportsTests",
      dependencies: ["Manipulation", "ImageData", "Reports", "RunTestSupport", "TestSupport"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "AttackingTests",
      dependencies: [
        "Manipulation", "Attacks", "Explanations", "ImageData", "Networks", "RunTestSupport",
        "Similarity", "TensorGraph", "TensorRuntime", "TestSupport",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "InfluencingTests",
      dependencies: [
        "Manipulation", "Attacks", "ImageData", "Influence", "Networks", "RunTestSupport",
        "TensorGraph", "TensorReference", "TestSupport",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "RepairingTests",
      dependencies: [
        "Manipulation", "Checkpoints", "Explanations", "ImageData", "Networks", "Repairing",
        "RunTestSupport", "TensorCPU", "TensorGraph", "TensorRuntime",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "StudiesTests",
      dependencies: [
        "Manipulation", "Attacks", "Checkpoints", "Explanations", "ImageData", "Perturbation",
        "RunTestSupport", "TensorGraph", "TestSupport",
      ],
      swiftSettings: unoptimized),
    .testTarget(
      name: "SweepsTests", dependencies: ["RunSupport", "Sweeps"], swiftSettings: unoptimized),
    .testTarget(
      name: "CommandLineTests", dependencies: ["trompe", "TestSupport"], swiftSettings: unoptimized),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)
