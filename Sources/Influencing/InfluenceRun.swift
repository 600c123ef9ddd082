import Attacking
import Attacks
import Evaluation
import Foundation
import ImageData
import Pictures
import Programs
import Recipes
import Reports
import RunFolders
import RunSupport
import Runs
import Similarity
import TensorRuntime

/// The whole of `trompe influence`: explains images by the training images that their loss depends on
/// most, and changes them so that others do.
///
/// The influence of a training image z_i on the loss at z_t is I(z_i, z_t) = −∇ℓ(z_t)ᵀ(H + δI)⁻¹∇ℓ(z_i), the
/// derivative of ℓ(z_t) in the weight that z_i has in training (Koh and Liang 2017). The attack is one
/// step of ε·sign(∂/∂x_t Σ I) over the most helpful images, which makes them less so (Ghorbani et al.
/// 2019, Section 3); random signs of the same ε are what it is compared with.
public final class InfluenceRun {
  public static let gradientSign = "gradient-sign"
  public static let randomSign = "random-sign"

  private let recipe: InfluenceRecipe
  private let executor: any Executor
  private let context: RunContext
  private var folder: RunFolder { context.folder }
  private var (mostProducts, largestResidual) = (0, 0.0)

  /// See `AttackRun`.
  public init(
    _ recipe: InfluenceRecipe, on executor: any Executor, output: String,
    stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    (self.recipe, self.executor) = (recipe, executor)
    context = RunContext(
      try RunFolder(forEvaluation: output, inputs: recipe.inputs), stop: stop, observe: observe)
  }

  /// An image that is explained.
  private struct Subject {
    let position: Int
    let name: String
    let label: Int
    let picture: Image
    let confidence: Double
  }

  /// - Throws: `RunStopped` if stopped, otherwise what went wrong, in one sentence.
  public func run() throws -> InfluenceSummary {
    try context.perform(measure)
  }

  private func measure() throws -> InfluenceSummary {
    let section = recipe.influence
    let setup = try Setup(recipe.network, recipe.data, seed: section.seed, on: executor)
    let network = setup.network
    context.tell(setup)
    try folder.writeRecipe(recipe.resolvedYAML(for: network))

    let train = Subset(setup.train, randomCount: section.trainImages, seed: section.seed)
    let model = try setup.influenceModel(recipe, of: train, stop: context.stop) {
      context.observe(.working(on: "training images", done: $0, total: train.count))
    }
    context.tell(skipped: model.skipped)
    let solver = model.isDirect ? InfluenceSolver.direct : .conjugateGradients
    context.observe(
      .note(
        "\(model.positions.count) training images through \(model.weightCount) weights of "
          + "\(model.layers.joined(separator: ", ")), "
          + (model.isDirect ? "their Hessian factorised" : "by conjugate gradients")))

    let program = try EvaluationProgram(
      network, interpreters: [], batchSize: recipe.evaluation.batchSize,
      policy: recipe.compute.evaluationPolicy)
    let found = try subjects(setup, program)
    guard !found.images.isEmpty else {
      throw RunError(
        "none of the \(found.tried) images is classified correctly, so there is nothing to explain")
    }
    let attack = try InfluenceAttack(
      network, model, section, imageSize: setup.imageSize, compute: recipe.compute)
    let names = network.names(or: setup.validation.classNames)
    let training = Training(
      images: train, model: model, classNames: names, preprocessing: network.preprocessing)
    let log = try LineLog(folder.influences, in: folder)
    let shown = Set(spreadPositions(count: recipe.report.images, of: found.images.count))
    var (records, cards): ([InfluenceRecord], [InfluenceReport.Card]) = ([], [])
    for method in [Self.randomSign, Self.gradientSign] {
      for epsilon in section.epsilons { try folder.makeSubfolder(part(method, epsilon)) }
    }
    for (place, subject) in found.images.enumerated() {
      if context.stop.isRequested {
        throw RunStopped("stopped; what was finished is in influences.jsonl")
      }
      let clean = try influences(model, subject.picture, subject.label)
      let changed = try perturbed(subject, clean, by: attack, program)
      var card = InfluenceReport.Card(
        image: subject.name, label: names[subject.label],
        rows: [
          row(
            "original", subject.picture, subject.confidence, clean, training,
            isShown: shown.contains(place))
        ])
      for (method, epsilon, picture, logits) in changed {
        let after = try influences(model, picture, subject.label)
        let classification = Classification(logits: logits[...], network.architecture.output)
        let file = "images/\(method)-\(short(epsilon))/\(pictureName(place, subject.name))"
        try folder.write(picture.png(), to: folder.path + "/" + file)
        let targets = clean.helpful(section.targets)
        let record = InfluenceRecord(
          image: subject.name, label: names[subject.label], method: method, epsilon: epsilon,
          distance: PixelBall.distance(picture.pixels, subject.picture.pixels),
          spearman: spearmanCorrelation(
            clean.values.map { Float($0) }, after.values.map { Float($0) }),
          helpfulOverlap: overlap(clean.helpful(section.top), after.helpful(section.top)),
          harmfulOverlap: overlap(clean.harmful(section.top), after.harmful(section.top)),
          targetInfluence: .init(
            clean: targets.reduce(0) { $0 + clean.values[$1] },
            perturbed: targets.reduce(0) { $0 + after.values[$1] }),
          confidence: .init(
            clean: subject.confidence, perturbed: classification.confidences[subject.label]),
          keepsLabel: classification.predicted == subject.label,
          clean: ranking(clean, training), perturbed: ranking(after, training), picture: file)
        try log.append(record)
        records.append(record)
        if epsilon == section.epsilons.max() {
          card.rows.append(
            row(
              method, picture, record.confidence.perturbed, after, training,
              isShown: shown.contains(place)))
        }
      }
      if shown.contains(place) { cards.append(card) }
      context.observe(.working(on: "images", done: place + 1, total: found.images.count))
    }
    var results: [InfluenceSummary.Result] = []
    for method in [Self.randomSign, Self.gradientSign] {
      for epsilon in section.epsilons {
        results.append(
          .init(records.filter { $0.method == method && $0.epsilon == epsilon }))
      }
    }
    let summary = InfluenceSummary(
      results: results, layers: model.layers, weights: model.weightCount, solver: solver,
      damping: section.damping, mostProducts: mostProducts, largestResidual: largestResidual,
      trainImages: model.positions.count, targets: section.targets, top: section.top,
      images: found.images.count, tried: found.tried,
      skippedImages: found.skipped + model.skipped.count,
      seconds: context.seconds, peakMemoryBytes: largestResidentBytes(),
      seed: section.seed, toolVersion: Trompe.version)
    if largestResidual > section.tolerance {
      context.observe(
        .warning(
          "conjugate gradients ended after \(mostProducts) products with a residual of "
            + "\(short(largestResidual)), above influence.tolerance; give more influence.iterations "
            + "or a larger influence.damping"))
    }
    try context.write(summary.json(), to: folder.summary)
    let report = InfluenceReport(
      summary, recipe: recipe, folder: folder.path, cards: cards, network: setup.description)
    try context.write(InfluenceReportPage(report).html(), to: folder.report)
    return summary
  }

  private func part(_ method: String, _ epsilon: Double) -> String {
    "\(folder.images)/\(method)-\(short(epsilon))"
  }

  // MARK: Images

  private func subjects(
    _ setup: Setup, _ program: EvaluationProgram
  ) throws -> (images: [Subject], tried: Int, skipped: Int) {
    let source = setup.validation
    let search = CorrectImages(
      source: source, preprocessing: setup.network.preprocessing, imageSize: setup.imageSize,
      batchSize: recipe.evaluation.batchSize)
    let wanted = recipe.influence.images
    let found = try search.find(wanted, seed: recipe.influence.seed, stop: context.stop) {
      context.observe(.working(on: "finding images", done: $0, total: wanted))
    } answer: { pictures, _, _ in
      try logits(of: pictures, program, setup.network.preprocessing)
    } logits: {
      $0
    }
    context.tell(skipped: found.skipped)
    if found.images.count < wanted {
      context.observe(
        .warning(
          "only \(found.images.count) of \(found.tried) images are classified correctly, fewer than "
            + "the \(wanted) of influence.images"))
    }
    let images = found.images.map { image in
      Subject(
        position: image.position, name: source.name(at: image.position), label: image.label,
        picture: image.picture,
        confidence: Classification(
          logits: image.answer[...], setup.network.architecture.output
        ).confidences[image.label])
    }
    return (images, found.tried, found.skipped.count)
  }

  /// Of any number of pictures.
  private func logits(
    of pictures: [Image], _ program: EvaluationProgram, _ preprocessing: Preprocessing
  ) throws -> [[Float]] {
    let normalizer = Normalizer(preprocessing)
    var all: [[Float]] = []
    for begin in stride(from: 0, to: pictures.count, by: program.batchSize) {
      let part = pictures[begin..<min(begin + program.batchSize, pictures.count)]
      var images = part.flatMap { normalizer($0) }
      images += repeatElement(
        0, count: (program.batchSize - part.count) * images.count / part.count)
      try program.run(
        images: images, labels: [Int32](repeating: 0, count: program.batchSize))
      let values = program.logits.values
      for row in 0..<part.count {
        all.append(Array(values[row * program.classes..<(row + 1) * program.classes]))
      }
    }
    return all
  }

  /// The image by every method at every ε.
  private func perturbed(
    _ subject: Subject, _ clean: Influences, by attack: InfluenceAttack,
    _ program: EvaluationProgram
  ) throws -> [(method: String, epsilon: Double, picture: Image, logits: [Float])] {
    let solved = try solve(
      attack.model, attack.model.gradient(ofTraining: clean.helpful(recipe.influence.targets)))
    let direction = try attack.direction(subject.picture, label: subject.label, solved)
    let random = attack.randomSigns(of: subject.picture, position: subject.position)
    var changed: [(method: String, epsilon: Double, picture: Image)] = []
    for epsilon in recipe.influence.epsilons {
      for (method, way) in [(Self.randomSign, random), (Self.gradientSign, direction)] {
        changed.append((method, epsilon, attack.step(subject.picture, along: way, epsilon)))
      }
    }
    let logits = try logits(
      of: changed.map(\.picture), program, attack.preprocessing)
    return zip(changed, logits).map { ($0.method, $0.epsilon, $0.picture, $1) }
  }

  // MARK: Influences

  /// Of all training images on the loss at one image.
  private func influences(
    _ model: any InfluenceModel, _ picture: Image, _ label: Int
  ) throws -> Influences {
    let solved = try solve(model, try model.gradient(picture, label: label))
    return Influences(try model.slopes(along: solved).map { -$0 })
  }

  private func solve(_ model: any InfluenceModel, _ b: [Double]) throws -> [Double] {
    let solution = try model.solve(b)
    mostProducts = max(mostProducts, solution.products)
    largestResidual = max(largestResidual, solution.residual)
    return solution.vector
  }

  private func overlap(_ before: [Int], _ after: [Int]) -> Double {
    Double(Set(before).intersection(after).count) / Double(max(before.count, 1))
  }

  /// The training images, as influences count them.
  private struct Training {
    let images: Subset
    let model: any InfluenceModel
    let classNames: [String]
    let preprocessing: Preprocessing

    func label(_ position: Int) -> String { classNames[images.label(at: position)] }
  }

  private func ranking(_ influences: Influences, _ training: Training) -> InfluenceRanking {
    func list(_ places: [Int]) -> [InfluentialImage] {
      places.map { place in
        let position = training.model.positions[place]
        return InfluentialImage(
          image: training.images.name(at: position), label: training.label(position),
          influence: influences.values[place])
      }
    }
    let top = recipe.influence.top
    return InfluenceRanking(
      helpful: list(influences.helpful(top)), harmful: list(influences.harmful(top)))
  }

  // MARK: Report

  /// A row of a card: the image and the training images that matter to it.
  private func row(
    _ title: String, _ picture: Image, _ confidence: Double, _ influences: Influences,
    _ training: Training, isShown: Bool
  ) -> InfluenceReport.Card.Row {
    func thumbnail(_ image: Image) -> GalleryImage {
      GalleryImage(image.enlarged(toShorterSide: 64))
    }
    func pictures(_ places: [Int]) -> [InfluenceReport.Card.Training] {
      guard isShown else { return [] }
      return places.compactMap { place in
        let position = training.model.positions[place]
        let prepared = try? training.preprocessing.prepare(
          training.images.image(at: position), name: training.images.name(at: position))
        // What was read before is there still, or it is not shown.
        guard let prepared else { return nil }
        return InfluenceReport.Card.Training(
          label: training.label(position), influence: influences.values[place],
          photograph: thumbnail(prepared))
      }
    }
    let top = recipe.influence.top
    return InfluenceReport.Card.Row(
      title: title, confidence: confidence, photograph: thumbnail(picture),
      helpful: pictures(influences.helpful(top)), harmful: pictures(influences.harmful(top)))
  }
}

/// I(z_i, z_t) of all training images z_i on one image z_t.
package struct Influences {
  package let values: [Double]
  /// Places of the training images, the most helpful first; of equal ones the first.
  private let order: [Int]

  package init(_ values: [Double]) {
    self.values = values
    order = values.indices.sorted {
      values[$0] != values[$1] ? values[$0] < values[$1] : $0 < $1
    }
  }

  /// The `count` with the smallest influence, the strongest first.
  package func helpful(_ count: Int) -> [Int] { Array(order.prefix(count)) }
  /// The `count` with the largest.
  package func harmful(_ count: Int) -> [Int] { Array(order.suffix(count).reversed()) }
}
