import Foundation
import ImageData
import Perturbation
import Pictures
import Programs
import Reports
import RunFolders
import RunSupport

/// `aopc`: is a heatmap still about the model? The score of the label falls fast if the regions that a
/// heatmap calls relevant are perturbed first, if it is. Samek et al. 2017.
///
/// Each network is scored with the regions ordered by its own heatmaps and by those of the network that
/// it was made from; the original is scored with the order of the manipulated one's as well.
enum AOPCStudy {
  /// One way to perturb all images, scored by one network.
  struct Curve: Hashable {
    /// Positions of the networks.
    let scorer: Int
    /// Whose heatmaps say which regions come first; `nil` for a random order.
    package let heatmaps: Int?
    package let order: PerturbationOrder
  }
  private struct Result: Encodable {
    /// What is scored.
    let network: String
    /// Omitted in random order.
    let heatmaps: String?
    let order: PerturbationOrder
    /// Mean over the images.
    let aopc: Double
    /// Of that mean.
    let standardError: Double
    /// Mean score of the label after each step, the image as it is first.
    let scores: [Double]
    /// AOPC after each number of steps.
    let areas: [Double]
  }
  private struct Line: Encodable {
    let image: String
    let label: String
    let network: String
    let heatmaps: String?
    let order: PerturbationOrder
    let aopc: Double
    let scores: [Double]
  }
  /// An image with all that does not depend on a network.
  private struct Subject {
    let position: Int
    let name: String
    let label: Int
    let picture: Image
    /// Of all regions, at random.
    let permutation: [Int]
  }

  private static let name = "aopc"

  package static let kind = StudyKind(
    .aopc, run: { try run(on: $0, $1) },
    forecast: { stage, measures in
      let curves = curves(stage)
      let steps = min(stage.recipe.study.aopc.steps, grid(stage).count)
      let images = min(stage.recipe.study.aopc.images, stage.setup.validation.count)
      let passes = curves.count * steps + stage.subjects.count
      let seconds =
        measures
        ? try stage.secondsPerImage(stage.program([])) * Double(passes * images)
          + stage.secondsPerImage(stage.program([stage.interpreter]))
          * Double(stage.subjects.count * images) : nil
      return StudyForecast.Part(
        name: name,
        work: "\(curves.count) curves of \(steps) steps, \(images) images: \(passes * images) "
          + "classifications", seconds: seconds)
    })

  private static func grid(_ stage: StudyStage) -> RegionGrid {
    RegionGrid(
      imageSize: stage.setup.imageSize, regionSize: stage.recipe.study.aopc.regionSize)
  }

  /// What is scored, by the network that scores.
  package static func curves(_ stage: StudyStage) -> [Curve] {
    let orders = stage.recipe.study.aopc.orders
    var pairs: [(scorer: Int, heatmaps: Int)] = []
    for scorer in stage.subjects.indices {
      pairs.append((scorer, scorer))
      pairs += stage.subjects.indices.filter { other in
        other != scorer
          && (stage.subjects[scorer].original == other || stage.subjects[other].original == scorer)
      }.map { (scorer, $0) }
    }
    return stage.subjects.indices.flatMap { scorer in
      pairs.filter { $0.scorer == scorer }.flatMap { pair in
        orders.filter(\.usesHeatmap).map {
          Curve(scorer: scorer, heatmaps: pair.heatmaps, order: $0)
        }
      }
        + orders.filter { !$0.usesHeatmap }.map {
          Curve(scorer: scorer, heatmaps: nil, order: $0)
        }
    }
  }

  private static func run(on stage: StudyStage, _ log: LineLog) throws -> StudyFindings {
    let subjects = try subjects(stage)
    let grid = grid(stage)
    let relevance = try relevance(of: subjects, grid, stage)
    let curves = curves(stage)
    let program = try stage.program([])
    let classNames = stage.setup.network.names(or: stage.setup.validation.classNames)
    var found: [[PerturbationCurve]] = []
    for (index, curve) in curves.enumerated() {
      try stage.show(curve.scorer)
      stage.observe(.working(on: name + ", curves", done: index, total: curves.count))
      let own = try scores(curve, of: subjects, relevance, grid, program, stage)
      let network = stage.subjects[curve.scorer].name
      let heatmaps = curve.heatmaps.map { stage.subjects[$0].name }
      for (subject, curve) in zip(subjects, own) {
        try log.append(
          Line(
            image: subject.name, label: classNames[subject.label], network: network,
            heatmaps: heatmaps, order: curves[index].order, aopc: curve.area,
            scores: curve.scores))
      }
      let mean = PerturbationCurve.mean(own)
      stage.observe(
        .note(
          "\(name), \(network), \(label(curve, stage)): "
            + String(format: "AOPC %.4f", mean.area)))
      found.append(own)
    }
    let results = zip(curves, found).map { curve, own in
      let mean = PerturbationCurve.mean(own)
      let count = Double(own.count)
      let variance = own.reduce(0) { $0 + pow($1.area - mean.area, 2) } / max(1, count - 1)
      return Result(
        network: stage.subjects[curve.scorer].name,
        heatmaps: curve.heatmaps.map { stage.subjects[$0].name }, order: curve.order,
        aopc: mean.area, standardError: (variance / count).squareRoot(), scores: mean.scores,
        areas: mean.areas)
    }
    return try StudyFindings(
      results, section: section(curves, results, images: subjects.count, grid, stage))
  }

  /// Reads the images; one that cannot be read is named and omitted.
  private static func subjects(_ stage: StudyStage) throws -> [Subject] {
    let study = stage.recipe.study
    let regions = grid(stage).count
    let source = stage.images(study.aopc.images)
    var omitted = OmittedImages()
    let subjects = (0..<source.count).compactMap { position -> Subject? in
      do {
        let picture = try stage.setup.network.preprocessing.prepare(
          source.image(at: position), name: source.name(at: position))
        guard picture.size == stage.setup.imageSize else {
          throw RunError("is \(picture.size), the network takes \(stage.setup.imageSize)")
        }
        var random = RandomGenerator(seed: study.seed, orderStream, position)
        return Subject(
          position: position, name: source.name(at: position), label: source.label(at: position),
          picture: picture, permutation: random.permutation(of: regions))
      } catch {
        omitted.tell("\(source.name(at: position)) is omitted: \(error)", stage.observe)
        return nil
      }
    }
    omitted.finish(stage.observe)
    guard !subjects.isEmpty else { throw RunError("none of the images could be read") }
    return subjects
  }

  // Tell random numbers from those of other things of the same seed.
  private static let (orderStream, fillStream) = (3, 4)

  /// Of each region, by network and image.
  private static func relevance(
    of subjects: [Subject], _ grid: RegionGrid, _ stage: StudyStage
  ) throws -> [[[Double]]] {
    let program = try stage.program([stage.interpreter])
    let normalizer = Normalizer(stage.setup.network.preprocessing)
    return try stage.subjects.indices.map { index in
      try stage.show(index)
      return try batches(subjects, program.batchSize).flatMap { batch -> [[Double]] in
        try stage.checkStop()
        try program.run(
          images: padded(batch.map { normalizer($0.picture) }, program, grid),
          labels: labels(batch, program), identities: batch.map(\.position))
        return program.heatmaps(0, count: batch.count).map(grid.relevance)
      }
    }
  }

  /// Of each image, the label's score after each step.
  private static func scores(
    _ curve: Curve, of subjects: [Subject], _ relevance: [[[Double]]], _ grid: RegionGrid,
    _ program: EvaluationProgram, _ stage: StudyStage
  ) throws -> [PerturbationCurve] {
    let study = stage.recipe.study
    let normalizer = Normalizer(stage.setup.network.preprocessing)
    let steps = min(study.aopc.steps, grid.count)
    let samples = normalizer.count(of: grid.imageSize)
    var curves: [PerturbationCurve] = []
    for (number, batch) in batches(subjects, program.batchSize).enumerated() {
      var images = padded(batch.map { normalizer($0.picture) }, program, grid)
      let fills = batch.map { subject in
        var random = RandomGenerator(seed: study.seed, fillStream, subject.position)
        return normalizer(
          study.aopc.fill.replacement(
            for: subject.picture, regionSize: grid.regionSize, random: &random))
      }
      let orders = batch.enumerated().map { row, subject in
        curve.order.regions(
          relevance: curve.heatmaps.map { relevance[$0][number * program.batchSize + row] } ?? [],
          permutation: subject.permutation)
      }
      var scores = [[Double]](repeating: [], count: batch.count)
      for step in 0...steps {
        try stage.checkStop()
        if step > 0 {
          for row in batch.indices {
            grid.copy(orders[row][step - 1], from: fills[row], to: &images, at: row * samples)
          }
        }
        try program.run(images: images, labels: labels(batch, program))
        let logits = program.logits.values
        for (row, subject) in batch.enumerated() {
          let own = logits[row * program.classes..<(row + 1) * program.classes]
          scores[row].append(
            study.aopc.score == .probability
              ? Classification(logits: own, program.output).confidences[subject.label]
              : Double(own[own.startIndex + subject.label]))
        }
      }
      curves += scores.map { PerturbationCurve(scores: $0) }
    }
    return curves
  }

  private static func batches(_ subjects: [Subject], _ size: Int) -> [[Subject]] {
    stride(from: 0, to: subjects.count, by: size).map {
      Array(subjects[$0..<min($0 + size, subjects.count)])
    }
  }

  private static func padded(
    _ images: [[Float]], _ program: EvaluationProgram, _ grid: RegionGrid
  ) -> [Float] {
    let missing = (program.batchSize - images.count) * (images.first?.count ?? 0)
    return images.flatMap(\.self) + [Float](repeating: 0, count: missing)
  }

  private static func labels(_ batch: [Subject], _ program: EvaluationProgram) -> [Int32] {
    batch.map { Int32($0.label) }
      + [Int32](repeating: 0, count: program.batchSize - batch.count)
  }

  // MARK: Report

  private static func label(_ curve: Curve, _ stage: StudyStage) -> String {
    guard let heatmaps = curve.heatmaps else { return "random order" }
    let whose =
      heatmaps == curve.scorer ? "its own heatmaps" : "heatmaps of \(stage.subjects[heatmaps].name)"
    return "\(whose), \(curve.order == .mostRelevantFirst ? "most" : "least") relevant first"
  }

  private static func section(
    _ curves: [Curve], _ results: [Result], images: Int, _ grid: RegionGrid, _ stage: StudyStage
  ) -> StudyReport.Section {
    let aopc = stage.recipe.study.aopc
    let steps = min(aopc.steps, grid.count)
    let scorers = stage.subjects.indices
    func own(_ scorer: Int) -> [(curve: Curve, result: Result)] {
      zip(curves, results).filter { $0.0.scorer == scorer }.map { ($0, $1) }
    }
    let areas = results.flatMap(\.areas)
    let charts = scorers.map { scorer in
      StudyReport.Chart(
        title: "\(stage.subjects[scorer].name) is scored", xTitle: "perturbed regions",
        yRange: (areas.min() ?? 0)...max(1.05 * (areas.max() ?? 0), 1e-9),
        series: own(scorer).map { curve, result in
          .init(
            name: label(curve, stage),
            points: result.areas.enumerated().map { .init(x: Double($0), y: $1) })
        })
    }
    let largest = max(results.map(\.aopc).max() ?? 0, 1e-9)
    let tables = scorers.map { scorer in
      StudyReport.Table(
        caption: "\(stage.subjects[scorer].name) is scored", head: ["AOPC", "±"],
        rows: own(scorer).map { curve, result in
          .init(
            label(curve, stage),
            [
              .init(String(format: "%.4f", result.aopc), share: result.aopc / largest),
              .init(String(format: "%.4f", result.standardError)),
            ])
        })
    }
    let findings = scorers.filter { !stage.isOriginal($0) }.compactMap { scorer -> String? in
      let original = stage.subjects[scorer].original
      func area(_ heatmaps: Int?, _ order: PerturbationOrder) -> Double? {
        zip(curves, results).first {
          $0.0.scorer == scorer && $0.0.heatmaps == heatmaps && $0.0.order == order
        }?.1.aopc
      }
      guard let own = area(scorer, .mostRelevantFirst),
        let others = area(original, .mostRelevantFirst)
      else { return nil }
      let random =
        area(nil, .random).map { String(format: ", in random order %.3f", $0) } ?? ""
      return "\(stage.subjects[scorer].name): AOPC "
        + String(format: "%.3f by its own heatmaps, %.3f by those of ", own, others)
        + "\(stage.subjects[original].name)\(random)."
    }
    let fill =
      switch aopc.fill {
      case .uniform: "random samples"
      case .mean: "the image's mean colour"
      case .blur: "what a Gaussian as wide as a region leaves of it"
      }
    return StudyReport.Section(
      name: name, title: "Perturbation of relevant regions",
      question:
        "Are the heatmaps still about the network? The more the score of the label falls when "
        + "the most relevant regions are perturbed first, the more they are.",
      findings: findings, tables: tables, charts: charts,
      note:
        "AOPC: mean fall of the label's \(aopc.score.rawValue) over \(steps) steps, ± the standard "
        + "error over \(images) images. In each step a region of \(grid.regionSize)×\(grid.regionSize) "
        + "pixels becomes \(fill). Heatmaps by \(stage.interpreter.name), resized to the image; a "
        + "region's relevance is the mean over its pixels. Charts show AOPC after each number of steps. "
        + "Samek et al. 2017.")
  }
}
