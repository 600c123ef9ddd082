import Foundation
import ImageData
import Manipulation
import TensorCPU
import TensorGraph
import TensorRuntime

// Tests run on the CPU's executor, with the kernels that the recipe names, unless they say otherwise.

extension CPUExecutor {
  public init(for compute: ComputeSection) {
    self.init(kernels: CPUKernelOptions(library: compute.kernels == .own ? .own : .onednn))
  }
}

extension LoadedNetwork {
  public convenience init(
    _ section: NetworkSection, kernels: CPUKernelOptions = CPUKernelOptions(),
    imageSize: ((Preprocessing) throws -> ImageSize)? = nil, seed: UInt64 = 0,
    newTop: Bool = false
  ) throws {
    try self.init(
      section, on: CPUExecutor(kernels: kernels), imageSize: imageSize, seed: seed, newTop: newTop)
  }
}

extension CPUKernelOptions {
  /// Without the rounding of Winograd's algorithms.
  public static var plain: CPUKernelOptions { CPUKernelOptions(library: .onednn) }
}

extension Parameters {
  public subscript(name: String) -> Tensor {
    get { try! download(name) }
    set { try! upload(newValue, to: name) }
  }

  public func withValues(of name: String, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    var tensor = self[name]
    tensor.values.withUnsafeMutableBufferPointer { body($0) }
    try! upload(tensor, to: name)
  }
}

/// A program whose outputs have numbers instead of names.
public struct Executable {
  private let program: any Program

  public init(
    _ graph: Graph, parameters: any Parameters, kernels: CPUKernelOptions = CPUKernelOptions()
  ) throws {
    program = try CPUExecutor(kernels: kernels).compile(
      Computation(graph, outputs: graph.outputs.indices.map { "\($0)" }), parameters: parameters,
      policy: ExecutionPolicy())
  }

  public func run(_ inputs: [String: ProgramInput]) throws { try program.run(inputs) }
  public func output(_ index: Int) -> Tensor { try! program.output("\(index)") }
}

extension FoolingRun {
  public convenience init(
    _ recipe: FoolingRecipe, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    try self.init(
      recipe, on: CPUExecutor(for: recipe.compute), output: output, resume: resume, stop: stop,
      observe: observe)
  }
}

extension ClassifierTrainingRun {
  public convenience init(
    _ recipe: TrainingRecipe, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    try self.init(
      recipe, on: CPUExecutor(for: recipe.compute), output: output, resume: resume, stop: stop,
      observe: observe)
  }
}

extension AttackRun {
  public convenience init(
    _ recipe: AttackRecipe, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    try self.init(
      recipe, on: CPUExecutor(for: recipe.compute), output: output, resume: resume, stop: stop,
      observe: observe)
  }
}

extension StudyRun {
  public convenience init(
    _ recipe: StudyRecipe, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    try self.init(
      recipe, on: CPUExecutor(for: recipe.compute), output: output, resume: resume, stop: stop,
      observe: observe)
  }
}

extension CurvatureRun {
  public convenience init(
    _ recipe: AttackRecipe, output: String, stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    try self.init(
      recipe, on: CPUExecutor(for: recipe.compute), output: output, stop: stop, observe: observe)
  }
}

extension InfluenceRun {
  public convenience init(
    _ recipe: InfluenceRecipe, output: String, stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    try self.init(
      recipe, on: CPUExecutor(for: recipe.compute), output: output, stop: stop, observe: observe)
  }
}

extension EvaluationRun {
  public static func run(
    _ request: EvaluationRequest, output: String? = nil, stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws -> Summary {
    try run(
      request, on: CPUExecutor(for: request.compute), output: output, stop: stop, observe: observe)
  }
}

extension ImageExplanation {
  public static func run(
    _ request: ExplanationRequest, stop: StopRequest = StopRequest(),
    observe: (RunEvent) -> Void = { _ in }, each: (ExplainedImage) throws -> Void
  ) throws {
    try run(
      request, on: CPUExecutor(for: request.compute), stop: stop, observe: observe, each: each)
  }
}

extension RunForecast {
  public init(_ recipe: FoolingRecipe, measures: Bool = true) throws {
    try self.init(recipe, on: CPUExecutor(for: recipe.compute), measures: measures)
  }
  public init(_ recipe: TrainingRecipe, measures: Bool = true) throws {
    try self.init(recipe, on: CPUExecutor(for: recipe.compute), measures: measures)
  }
}

extension AttackForecast {
  public init(_ recipe: AttackRecipe, measures: Bool = true) throws {
    try self.init(recipe, on: CPUExecutor(for: recipe.compute), measures: measures)
  }
}

extension StudyForecast {
  public init(_ recipe: StudyRecipe, measures: Bool = true) throws {
    try self.init(recipe, on: CPUExecutor(for: recipe.compute), measures: measures)
  }
}

extension InfluenceForecast {
  public init(_ recipe: InfluenceRecipe, measures: Bool = true) throws {
    try self.init(recipe, on: CPUExecutor(for: recipe.compute), measures: measures)
  }
}
