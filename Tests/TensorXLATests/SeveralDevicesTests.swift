import TensorGraph
import TensorReference
import TensorRuntime
import TensorTestSupport
import TensorXLA
import Testing

/// Two devices of XLA on this machine's processors, which share the images of a batch.
@Suite(.enabled(if: InstalledPlugins.any, InstalledPlugins.advice))
struct SeveralDevicesTests {
  private static let two = XLADevice(.cpu, indices: [0, 1])

  @Test(arguments: InstalledPlugins.paths)
  func twoKeepTheContract(plugin: String) throws {
    try ExecutorConformance(XLAExecutor(Self.two, plugin: plugin)).keepsTheContract()
  }

  /// Steps of a network with a penalty on its gradient, by one device and by two. Gradients and losses are
  /// one sum over the devices each step, or a few where the compiler does not combine them; heatmaps and logits
  /// are gathered.
  @Test(arguments: InstalledPlugins.paths, [4, 3])
  func twoDoTheStepsOfOne(plugin: String, batch: Int) throws {
    let network = ResidualNetwork(batch: batch)
    var generator = SeededGenerator(seed: 9)
    let graph = try network.graph()
    let start = network.parameters(of: graph, using: &generator)
    let names = graph.parameters.keys.sorted()
    let computation = Computation(
      graph, outputs: ["loss", "heatmap", "logits"] + names.map { "d \($0)" },
      update: StepUpdate(
        .adam, gradients: Dictionary(uniqueKeysWithValues: names.map { ($0, "d \($0)") }),
        guarded: ["loss"]))
    let inputs = network.images(using: &generator)
    let given: [String: ProgramInput] = [
      "images": .floats(inputs["images"]!.tensor.values),
      "labels": .indices(inputs["labels"]!.values.map { Int32($0) }),
      "mask": .floats(inputs["mask"]!.tensor.values),
    ]
    var programs: [XLAProgram] = []
    var results: [[String: Tensor]] = []
    for device in [XLADevice(.cpu), Self.two] {
      let executor = try XLAExecutor(device, plugin: plugin)
      let parameters = try executor.makeParameters(names.map { ($0, start[$0]!.shape) })
      for name in names { try parameters.upload(start[name]!.tensor, to: name) }
      let program = try #require(
        try executor.compile(computation, parameters: parameters, policy: ExecutionPolicy())
          as? XLAProgram)
      for _ in 0..<3 { #expect(try program.step(given, learningRate: 0.01) == .applied) }
      var values: [String: Tensor] = [:]
      for name in ["loss", "heatmap", "logits"] { values[name] = try program.output(name) }
      for name in names { values[name] = try parameters.download(name) }
      results.append(values)
      programs.append(program)
    }
    for (name, value) in results[0] {
      let difference = ReferenceArray(results[1][name]!).mismatch(
        to: ReferenceArray(value), within: 2e-5)
      #expect(difference == nil, "\(name): \(difference ?? "")")
    }
    #expect(programs[0].collectives?.isEmpty != false)
    // Three images are no two equal parts: each device has all of them.
    let collectives = programs[1].collectives
    if batch == 3 {
      #expect(collectives?.isEmpty != false)
    } else if let collectives {
      #expect(collectives["all-gather", default: 0] <= 2, "\(collectives)")
      #expect((1...2).contains(collectives["all-reduce", default: 0]), "\(collectives)")
      #expect(Set(collectives.keys).isSubset(of: ["all-gather", "all-reduce"]), "\(collectives)")
    }
    print("\(plugin), \(batch) images: \(collectives ?? [:])")
  }

  @Test func aDeviceThatIsNotThereIsNamed() throws {
    // The plugin for processors has as many as it is told to have.
    let executor = try XLAExecutor(XLADevice(.cpu, index: 2), plugin: InstalledPlugins.paths[0])
    #expect(executor.devices.count == 3)
    #expect(executor.name == "xla-cpu:2")
  }
}
