import Networks
import TensorGraph
import Testing

@Suite struct InitializationTests {
  private func network(_ family: String) throws -> Architecture {
    try ArchitectureSpecification(family: family, classes: 10, height: 32, width: 32)
      .architecture()
  }

  private func deviation(_ tensor: Tensor) -> Double {
    let values = tensor.values.map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
  }

  @Test func everyParameterStartsWithItsShape() throws {
    let architecture = try network("cifar-resnet20")
    let values = architecture.initialParameters(seed: 3)
    #expect(values.count == architecture.parameters.count)
    for parameter in architecture.parameters {
      #expect(values[parameter.name]?.shape == parameter.shape)
    }
  }

  @Test func filtersAreNormalWithFanOut() throws {
    let values = try network("cifar-resnet20").initialParameters(seed: 3)
    let filter = try #require(values["layer3.1.conv1.weight"])
    let expected = (2.0 / Double(64 * 9)).squareRoot()
    // 36,864 draws: the relative error of the deviation is about 1/√(2n) = 0.4%.
    #expect(abs(deviation(filter) / expected - 1) < 0.02)
    #expect(values["layer3.1.bn1.weight"]?.values.allSatisfy { $0 == 1 } == true)
    #expect(values["layer3.1.bn1.bias"]?.values.allSatisfy { $0 == 0 } == true)
    #expect(values["layer3.1.bn1.running_mean"]?.values.allSatisfy { $0 == 0 } == true)
    #expect(values["layer3.1.bn1.running_var"]?.values.allSatisfy { $0 == 1 } == true)
  }

  @Test func denseLayersFollowTheirFamily() throws {
    let values = try network("cifar-resnet20").initialParameters(seed: 3)
    let weight = try #require(values["linear.weight"])
    // Uniform in ±1/8: bounded, and with a deviation of 1/(8√3); 640 draws.
    #expect(weight.values.allSatisfy { abs($0) <= 0.125 })
    #expect(abs(deviation(weight) * 8 * 3.0.squareRoot() - 1) < 0.1)
    #expect(values["linear.bias"]?.values.contains { $0 != 0 } == true)

    let small = try Architecture(
      name: "normal", inputShape: [1, 1, 400], classes: 10,
      nodes: [
        LayerNode(name: "flat", layer: .flatten, inputs: ["input"]),
        LayerNode(
          name: "fc", layer: .dense(DenseLayer(inputs: 400, outputs: 10)), inputs: ["flat"]),
      ], denseInitialization: .normal
    ).initialParameters(seed: 3)
    #expect(abs(deviation(try #require(small["fc.weight"])) / 0.01 - 1) < 0.1)
    #expect(small["fc.bias"]?.values.allSatisfy { $0 == 0 } == true)
  }

  @Test func dependsOnSeedAndNameOnly() throws {
    let (short, long) = (try network("cifar-resnet20"), try network("cifar-resnet32"))
    let values = short.initialParameters(seed: 3)
    #expect(short.initialParameters(seed: 3) == values)
    #expect(
      long.initialParameters(seed: 3)["layer2.1.conv1.weight"] == values["layer2.1.conv1.weight"])
    #expect(short.initialParameters(seed: 4)["conv1.weight"] != values["conv1.weight"])
    #expect(values["layer1.0.conv1.weight"] != values["layer1.0.conv2.weight"])
  }
}
