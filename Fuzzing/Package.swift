// swift-tools-version: 6.1
import PackageDescription

// A package of its own, because everything it depends on is built with the fuzzer's instruments.
// tools/fuzz.sh builds and runs it.
let package = Package(
  name: "Fuzzing",
  dependencies: [.package(name: "Trompe", path: "..")],
  targets: [
    .target(name: "CFuzzer"),
    .executableTarget(
      name: "FuzzInputs",
      dependencies: [
        "CFuzzer",
        .product(name: "Checkpoints", package: "Trompe"),
        .product(name: "ImageData", package: "Trompe"),
        .product(name: "Manipulation", package: "Trompe"),
        .product(name: "KerasModels", package: "Trompe"),
        .product(name: "Networks", package: "Trompe"),
        .product(name: "Reports", package: "Trompe"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
