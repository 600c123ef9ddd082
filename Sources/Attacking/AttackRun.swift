import Attacks
import Evaluation
import Explanations
import Foolings
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

/// The whole of `trompe attack`: finds images that the network classifies correctly, attacks their
/// explanations by every method at every ε, and measures how far they went.
///
/// What a method has done at one ε is a part, which is written when it is finished; a run that was
/// stopped goes on with the next.
///
/// Runs on the calling thread, whose worker pool the executor uses.
public final class AttackRun {
  private let recipe: AttackRecipe
  private let executor: any Executor
  private let context: RunContext
  private var folder: RunFolder { context.folder }
  /// Of the parts that are finished, as soon as one is.
  public private(set) var finished: AttackSummary?

  /// - Parameters:
  ///   - recipe: all that is done.
  ///   - executor: holds the network and runs its programs.
  ///   - stop: ends the run after the iteration, by `RunStopped`.
  ///   - output: the folder for everything the run writes; made if it does not exist.
  ///   - resume: keep the parts that are finished in `output`.
  ///   - observe: told of everything that happens, on the thread that runs.
  public init(
    _ recipe: AttackRecipe, on executor: any Executor, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    (self.recipe, self.executor) = (recipe, executor)
    context = RunContext(
      try RunFolder(forAttack: output, resume: resume, inputs: recipe.inputs), resumes: resume,
      stop: stop, observe: observe)
  }

  /// In the folder of another run: parts that are finished there are kept.
  package init(
    _ recipe: AttackRecipe, on executor: any Executor, output: String, in around: RunFolder,
    stop: StopRequest, observe: @escaping (RunEvent) -> Void
  ) throws {
    (self.recipe, self.executor) = (recipe, executor)
    context = RunContext(
      try RunFolder(forAttack: output, resume: false, inputs: recipe.inputs, in: around),
      stop: stop, observe: observe)
  }

  /// - Throws: `RunStopped` if stopped, otherwise what went wrong, in one sentence.
  public func run() throws -> AttackSummary {
    try context.perform(measure)
  }

  private func measure() throws -> AttackSummary {
    let setup = try Setup(forAttack: recipe, on: executor)
    let (network, source) = (setup.network, setup.validation)
    let text = recipe.resolvedYAML(for: network)
    if context.resumes { try folder.checkRecipe(text) }
    let inputs = try InputRecord(recipe, setup)
    _ = try folder.hasBegun(
      with: inputs, as: folder.progressInputs, listed: folder.progressInputList,
      what: "the attack was")
    let isUnlabelled = source is UnlabelledImages
    let interpreter = try reported([recipe.interpreter], network.preprocessing)[0]
    let attack = try InputAttack(
      network, interpreter: interpreter, recipe.attack, batchSize: recipe.evaluation.batchSize,
      compute: recipe.compute)
    context.tell(setup)
    try folder.writeRecipe(text)

    let found = try attack.subjects(of: source, stop: context.stop) {
      context.observe(.working(on: "finding images", done: $0, total: recipe.attack.images))
    }
    context.tell(skipped: found.skipped)
    let subjects = found.images
    guard let first = subjects.first else { throw nothingToAttack(source, tried: found.tried) }
    tell(subjects, of: source, tried: found.tried)
    context.note(
      (isUnlabelled ? "\(subjects.count) images" : "\(subjects.count) correctly classified images")
        + " of \(isUnlabelled ? source.count : found.tried); \(interpreter.name), "
        + "maps of \(first.clean.height)×\(first.clean.width), k = \(attack.topK)")

    let names = network.names(or: source.classNames)
    let kept = try AttackProgress(in: folder, of: subjects, attack)
    let log = try LineLog(folder.attacks, in: folder, start: kept.lines)
    var (results, gallery): ([AttackSummary.Result], [AttackGallery]) = ([], [])
    var randomSimilarities: [AttackSummary.RandomSimilarity] = []
    let shown = Set(spreadPositions(count: recipe.report.images, of: subjects.count))
    func summedUp() -> AttackSummary {
      let count = attack.objectives.count * recipe.attack.epsilons.count
      return AttackSummary(
        results: results, interpreter: interpreter.name, images: subjects.count,
        tried: found.tried, skippedImages: found.skipped.count, topK: attack.topK,
        heatmapHeight: first.clean.height, heatmapWidth: first.clean.width,
        seconds: kept.seconds + context.seconds,
        peakMemoryBytes: largestResidentBytes(), seed: recipe.attack.seed,
        toolVersion: Trompe.version, labelsArePredictions: isUnlabelled ? true : nil,
        unfinished: results.count < count ? count - results.count : nil)
    }
    do {
      // Before the attacks, each of which is kept when it is finished.
      randomSimilarities = try similarities(of: subjects, by: attack)
      for index in attack.objectives.indices {
        let method = attack.objectives[index].name
        var isPrepared = false
        for epsilon in recipe.attack.epsilons {
          let start = ContinuousClock.now
          let step = Step(
            objective: index, method: method, epsilon: epsilon,
            shown: epsilon == recipe.attack.epsilons.max() ? shown : [])
          if results.count < kept.parts.count {
            let part = kept.parts[results.count]
            gallery += try kept.gallery(of: part, shown: step.shown, subjects, attack, folder)
            results.append(part.result)
            finished = summedUp()
            context.note("\(step.title) is finished already")
            continue
          }
          if !isPrepared {
            let resources = try attack.prepare(objective: index)
            context.note("\(method): \(resources)")
            isPrepared = true
          }
          let (records, pictures) = try measure(
            step, of: subjects, by: attack, classNames: names, log)
          gallery += pictures
          results.append(
            AttackSummary.Result(records, seconds: (ContinuousClock.now - start).seconds))
          context.note(step.title + ": " + results[results.count - 1].sentence)
          let summary = summedUp()
          finished = summary
          if summary.unfinished != nil { try keep(summary, inputs) }
        }
      }
    } catch is RunStopped {
      let count = attack.objectives.count * recipe.attack.epsilons.count
      throw RunStopped(
        results.isEmpty
          ? "stopped before the first of \(count) attacks was finished; there is nothing to resume"
          : "stopped after \(results.count) of \(count) attacks, which "
            + "\(folder.progressSummary) sums up; \(folder.howToResume)")
    }
    var summary = summedUp()
    if !randomSimilarities.isEmpty { summary.randomSimilarities = randomSimilarities }
    let report = AttackReport(
      summary, recipe: recipe, folder: folder.path, subjects: subjects, gallery: gallery,
      classNames: names, facts: [.init("Network", setup.description)])
    try context.write(AttackReportPage(report).html(), to: folder.report)
    try context.write(summary.json(), to: folder.summary)
    folder.removeProgress()
    return summary
  }

  /// Of random images near the clean ones, at every ε.
  private func similarities(
    of subjects: [AttackSubject], by attack: InputAttack
  ) throws -> [AttackSummary.RandomSimilarity] {
    let draws = recipe.attack.randomDraws
    guard draws > 0 else { return [] }
    return try recipe.attack.epsilons.map { epsilon in
      let start = ContinuousClock.now
      let values = try attack.randomSimilarities(
        of: subjects, epsilon: epsilon, draws: draws, stop: context.stop
      ) {
        context.observe(
          .working(
            on: "random perturbations, ε \(short(epsilon)), images", done: $0,
            total: subjects.count))
      }
      let (means, deviations) = AttackSummary.statistics(of: values)
      return AttackSummary.RandomSimilarity(
        epsilon: epsilon, draws: draws, means: means, deviations: deviations,
        seconds: (ContinuousClock.now - start).seconds)
    }
  }

  private func nothingToAttack(_ source: any ImageSource, tried: Int) -> RunError {
    RunError(
      source is UnlabelledImages
        ? "none of the \(source.count) images can be read, so there is nothing to attack"
        : "none of the \(tried) images is classified correctly, so there is nothing to attack")
  }

  /// Says where there are fewer images than the recipe has, and what stands for labels.
  private func tell(_ subjects: [AttackSubject], of source: any ImageSource, tried: Int) {
    let (count, most) = (subjects.count, recipe.attack.images)
    let isUnlabelled = source is UnlabelledImages
    if count < most {
      context.warn(
        isUnlabelled
          ? "there are only \(count) images, fewer than the \(most) of attack.images"
          : "only \(count) of \(tried) images are classified correctly, fewer than the \(most) of "
            + "attack.images")
    }
    if isUnlabelled {
      context.note(
        "the folder of images has no folders of classes, so no label is known: the network's "
          + "predictions stand for labels, and all images count as classified correctly")
    }
  }

  /// Notes what is finished, and what it was done with.
  private func keep(_ summary: AttackSummary, _ inputs: InputRecord) throws {
    try folder.makeSubfolder(folder.progress)
    if !folder.exists(folder.progressInputs) {
      if !inputs.splits.isEmpty {
        try folder.write(inputs.listing, to: folder.progressInputList)
      }
      try folder.write(inputs.json(), to: folder.progressInputs)
    }
    try folder.write(summary.json(), to: folder.progressSummary)
  }

  /// One attack at one ε.
  private struct Step {
    /// Position among the attack's objectives, and its name.
    let objective: Int
    let method: String
    let epsilon: Double
    /// Positions among the subjects of those that the report shows.
    let shown: Set<Int>

    var title: String { "\(method), ε \(short(epsilon))" }
    /// The folder of its images.
    var part: String { "\(method)-\(short(epsilon))" }
  }

  private func measure(
    _ step: Step, of subjects: [AttackSubject], by attack: InputAttack, classNames: [String],
    _ log: LineLog
  ) throws -> (records: [AttackRecord], gallery: [AttackGallery]) {
    try folder.makeSubfolder(folder.images + "/" + step.part)
    let measures = SimilarityMeasures.all(topK: attack.topK)
    let hasTarget = attack.objectives[step.objective].hasTarget
    var (records, gallery): ([AttackRecord], [AttackGallery]) = ([], [])
    let attacked = try attack.attack(
      subjects, objective: step.objective, epsilon: step.epsilon, stop: context.stop
    ) {
      context.observe(.working(on: step.title + ", images", done: $0, total: subjects.count))
    }
    for (place, result) in attacked.enumerated() {
      let subject = subjects[place]
      let clean = attack.classification(of: subject.logits)
      let now = attack.classification(of: result.logits)
      let map = result.heatmap.relevance
      let picture = "images/\(step.part)/\(pictureName(place, subject.name))"
      let record = AttackRecord(
        image: subject.name, label: classNames[subject.label], method: step.method,
        epsilon: step.epsilon,
        distance: PixelBall.distance(result.picture.pixels, subject.picture.pixels),
        measures: Dictionary(
          uniqueKeysWithValues: measures.map { ($0.name, $0(subject.clean, map)) }),
        confidence: .init(
          clean: clean.confidences[subject.label], perturbed: now.confidences[subject.label]),
        keepsLabel: now.predicted == subject.label, succeeded: result.iteration != nil,
        iteration: result.iteration, picture: picture,
        target: hasTarget ? TargetRecord(of: subject, result) : nil)
      try folder.write(result.picture.png(), to: folder.path + "/" + picture)
      try log.append(record)
      records.append(record)
      if step.shown.contains(place) {
        gallery.append(AttackGallery(place: place, record: record, result: result))
      }
    }
    return (records, gallery)
  }
}

extension TargetRecord {
  /// `nil` if the image has no target.
  init?(of subject: AttackSubject, _ result: AttackedImage) {
    guard let target = subject.target else { return nil }
    func measured(_ map: Heatmap) -> [String: Double] {
      Dictionary(
        uniqueKeysWithValues: SimilarityMeasures.toTarget.map {
          ($0.name, $0(map, target.relevance))
        })
    }
    func meanSquare(_ differences: [Double]) -> Double {
      differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)
    }
    self.init(
      image: target.name, clean: measured(subject.clean),
      perturbed: measured(result.heatmap.relevance),
      imageMSE: meanSquare(
        zip(result.picture.pixels, subject.picture.pixels).map { Double($0) - Double($1) }),
      logitMSE: meanSquare(
        zip(result.logits, subject.logits).map { Double($0) - Double($1) }))
  }
}

/// What a perturbed picture is called: `0012-n01440764_1023.png`.
package func pictureName(_ place: Int, _ name: String) -> String {
  let stem = (name as NSString).lastPathComponent as NSString
  let plain = stem.deletingPathExtension.unicodeScalars.map { scalar in
    let isPlain =
      scalar.isASCII
      && (scalar.properties.isAlphabetic || scalar == "_"
        || scalar == "-" || ("0"..."9").contains(scalar))
    return isPlain ? String(scalar) : "_"
  }.joined()
  return String(format: "%04d-", place) + String(plain.prefix(80)) + ".png"
}

extension AttackSummary.Result {
  /// For the log.
  fileprivate var sentence: String {
    String(
      format:
        "top-k intersection %.3f, Spearman %.3f, center moved by %.2f; %.1f %% keep their label",
      means["topKIntersection"] ?? .nan, means["spearman"] ?? .nan, means["centerShift"] ?? .nan,
      100 * keptLabels)
  }
}
