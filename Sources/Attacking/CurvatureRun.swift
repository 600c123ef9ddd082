import Explanations
import Foundation
import Geometry
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport
import Runs
import TensorRuntime

/// The whole of `trompe curvature`: at images that the network classifies correctly, the largest
/// eigenvalues of the Hessian and the curvature along the directions in which attacks move.
///
/// A change δ of the image turns the gradient by about H·δ, so that explanations are fragile where H has
/// large eigenvalues and an attack finds their eigenvectors. Ghorbani et al. 2019, Section 4.
public final class CurvatureRun {
  /// The direction of the gradient itself.
  package static let gradient = "gradient"

  private let recipe: AttackRecipe
  private let executor: any Executor
  private let context: RunContext
  private var folder: RunFolder { context.folder }

  /// See `AttackRun`.
  public init(
    _ recipe: AttackRecipe, on executor: any Executor, output: String,
    stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    (self.recipe, self.executor) = (recipe, executor)
    context = RunContext(
      try RunFolder(forEvaluation: output, inputs: recipe.inputs), stop: stop, observe: observe)
  }

  /// - Throws: `RunStopped` if stopped, otherwise what went wrong, in one sentence.
  public func run() throws -> CurvatureSummary {
    try context.perform(measure)
  }

  private func measure() throws -> CurvatureSummary {
    let setup = try Setup(forAttack: recipe, on: executor)
    let network = setup.network
    let interpreter = try reported([recipe.interpreter], network.preprocessing)[0]
    let attack = try InputAttack(
      network, interpreter: interpreter, recipe.attack, batchSize: recipe.evaluation.batchSize,
      compute: recipe.compute)
    let program = try CurvatureProgram(
      network, of: recipe.curvature.function, batchSize: recipe.evaluation.batchSize,
      policy: recipe.compute.evaluationPolicy)
    context.tell(setup)
    try folder.writeRecipe(recipe.resolvedYAML(for: network))
    let found = try attack.subjects(of: setup.validation, stop: context.stop) {
      context.observe(.working(on: "finding images", done: $0, total: recipe.attack.images))
    }
    context.tell(skipped: found.skipped)
    guard !found.images.isEmpty else {
      throw RunError("none of the \(found.tried) images is classified correctly")
    }
    let classNames = network.names(or: setup.validation.classNames)
    let directions = attack.objectives.map(\.name) + [Self.gradient]
    let log = try LineLog(folder.curvatures, in: folder)
    let batch = recipe.evaluation.batchSize
    var records: [CurvatureRecord] = []
    for first in stride(from: 0, to: found.images.count, by: batch) {
      let subjects = Array(found.images[first..<min(first + batch, found.images.count)])
      for record in try measure(subjects, attack, program, directions, classNames) {
        try log.append(record)
        records.append(record)
      }
      context.observe(.working(on: "images", done: records.count, total: found.images.count))
    }
    let summary = CurvatureSummary(
      records, function: recipe.curvature.function, directions: directions, tried: found.tried,
      interpreter: interpreter.name, seconds: context.seconds,
      seed: recipe.attack.seed)
    try context.write(summary.json(), to: folder.summary)
    return summary
  }

  private func measure(
    _ subjects: [AttackSubject], _ attack: InputAttack, _ program: CurvatureProgram,
    _ directions: [String], _ classNames: [String]
  ) throws -> [CurvatureRecord] {
    let images = attack.inputs(of: subjects)
    let labels =
      subjects.map { Int32($0.label) }
      + [Int32](repeating: 0, count: program.batchSize - subjects.count)
    let samples = images.count / program.batchSize
    /// ∇f and H·v of each image.
    func multiply(_ vectors: [[Double]]) throws -> [(gradient: [Double], product: [Double])] {
      if context.stop.isRequested {
        throw RunStopped("stopped; what was finished is in curvature.jsonl")
      }
      var values = vectors.flatMap { $0.map { Float($0) } }
      values += repeatElement(0, count: images.count - values.count)
      let found = try program.run(
        images: images, labels: labels, vectors: values, beta: recipe.attack.beta)
      return subjects.indices.map { row in
        let part = row * samples..<(row + 1) * samples
        return (
          found.gradient.values[part].map(Double.init), found.product.values[part].map(Double.init)
        )
      }
    }

    let zero = [Double](repeating: 0, count: samples)
    let gradients = try multiply(subjects.map { _ in zero }).map(\.gradient)
    var records = zip(subjects, gradients).map { subject, gradient in
      CurvatureRecord(
        image: subject.name, label: classNames[subject.label], eigenvalues: [],
        gradientNorm: norm(gradient), curvatures: [:], turns: [:])
    }
    for (index, name) in directions.enumerated() {
      let vectors =
        name == Self.gradient
        ? gradients : try attack.firstSteps(of: subjects, objective: index)
      let units = vectors.map { vector in
        let length = norm(vector)
        return length > 0 ? vector.map { $0 / length } : vector
      }
      for (row, found) in try multiply(units).enumerated() {
        records[row].curvatures[name] = zip(found.product, units[row]).reduce(0) {
          $0 + $1.0 * $1.1
        }
        records[row].turns[name] = norm(found.product)
      }
    }
    var iterations = subjects.map { subject in
      var random = RandomGenerator(seed: recipe.attack.seed, subject.position, -1)
      return Lanczos(start: (0..<samples).map { _ in random.normal() })
    }
    for _ in 0..<recipe.curvature.iterations {
      let products = try multiply(iterations.map(\.vector))
      for row in iterations.indices where !iterations[row].isComplete {
        iterations[row].advance(products[row].product)
      }
    }
    for row in records.indices {
      records[row].eigenvalues = Array(
        iterations[row].eigenvalues.sorted { abs($0) > abs($1) }.prefix(
          recipe.curvature.eigenvalues))
    }
    return records
  }

  private func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
