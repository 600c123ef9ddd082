import TensorGraph
import TensorPlan
import TensorReference
import TensorTestSupport
import Testing

struct ProgramPlanTests {
  @Test(arguments: 0..<400)
  func plansOfRandomProgramsAreSound(seed: Int) throws {
    expectSound(ProgramPlan(try randomGraph(seed: seed)), "seed \(seed)")
  }

  @Test(arguments: 0..<40)
  func plansOfLongRandomProgramsAreSound(seed: Int) throws {
    let plan = ProgramPlan(try randomGraph(seed: seed, steps: 120))
    expectSound(plan, "seed \(seed)")
  }

  @Test(arguments: OperationTable.cases)
  func plansOfEveryOperationAndItsDerivativesAreSound(_ entry: OperationCase) throws {
    for simplifies in [true, false] {
      let program = try DerivativeProgram(entry, simplifies: simplifies)
      expectSound(ProgramPlan(program.graph), "simplifies: \(simplifies)")
    }
  }

  @Test(arguments: [1, 3, 8])
  func plansOfResidualNetworksAreSound(blocks: Int) throws {
    let plan = ProgramPlan(try ResidualNetwork(blocks: blocks).graph())
    expectSound(plan)
    let lifetimes = Lifetimes(plan)
    #expect(lifetimes.place.contains { $0.key != $0.value }, "nothing is reused in place")
  }

  /// How long a plan takes is printed, not judged: machines differ.
  @Test func aDeepNetworkIsPlanned() throws {
    let clock = ContinuousClock()
    var graph: Graph?
    let building = try clock.measure {
      graph = try ResidualNetwork(blocks: 100, channels: 16, extent: 32).graph()
    }
    var plan: ProgramPlan?
    let planning = clock.measure { plan = ProgramPlan(graph!) }
    var bytes = 0
    let placing = clock.measure { bytes = plan!.plannedBytes }
    print(
      "100 residual blocks, \(graph!.nodes.count) nodes: built in \(building), planned in",
      "\(planning) as \(plan!.kernels.count) kernels, placed in \(placing) in \(bytes) bytes")
    expectSound(plan!)
    #expect(plan!.kernels.count < graph!.nodes.count / 2)
  }

  @Test func parameterOnlyIsWhatFollowsFromParametersAlone() throws {
    var graph = GraphBuilder()
    let w = try graph.parameter("w", shape: [3, 4])
    let x = try graph.placeholder("x", shape: [2, 3])
    let folded = try graph.exponential(w)
    let total = try graph.sum(folded, axes: [0])
    let y = try graph.matrixProduct(x, folded)
    let program = graph.graph(outputs: [y, folded, total])
    let plan = ProgramPlan(program)
    let known = plan.parameterOnly
    #expect(!known.contains(program.placeholders["x"]!))
    #expect(known.contains(program.parameters["w"]!))
    #expect(program.outputs.map { known.contains($0) } == [false, true, true])
    // What is kept is never overwritten and never given up.
    let lifetimes = Lifetimes(plan, persistent: known)
    for storage in program.outputs.dropFirst() {
      #expect(lifetimes.place[storage] == storage)
      #expect(lifetimes.spans[storage]!.lowerBound == 0)
    }
  }
}
