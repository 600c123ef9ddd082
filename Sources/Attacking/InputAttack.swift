import Attacks
import Explanations
import Foolings
import Foundation
import ImageData
import Pictures
import Programs
import Recipes
import RunSupport
import TensorRuntime

/// Attacks batches of images: directions come from a smooth stand-in of the network, acceptance and
/// all that is reported from the network itself on images in 8 bits. Ghorbani et al. 2019, Algorithm 1.
final class InputAttack {
  package let specification: AttackSpecification
  package let objectives: [any AttackObjective]
  /// Pixels of a heatmap that count as the top.
  package let topK: Int

  private let network: LoadedNetwork
  private let interpreter: any Interpreter
  private let compute: ComputeSection
  private let imageSize: ImageSize
  private let normalizer: Normalizer
  private let batchSize: Int
  /// What iterates are looked at with, and what is reported.
  private let programs: BatchPrograms<EvaluationProgram>
  /// Of the objective that is attacked with; `nil` if it has none. One at a time is in memory.
  private var direction: BatchPrograms<AttackDirection>?
  private var directionIndex = -1

  package init(
    _ network: LoadedNetwork, interpreter: (name: String, any Interpreter),
    _ specification: AttackSpecification, batchSize: Int, compute: ComputeSection
  ) throws {
    (self.network, self.specification, self.batchSize) = (network, specification, batchSize)
    (self.interpreter, self.compute) = (interpreter.1, compute)
    let shape = network.architecture.inputShape
    imageSize = ImageSize(width: shape[1], height: shape[0])
    normalizer = Normalizer(network.preprocessing)
    programs = try BatchPrograms(batchSize) {
      try EvaluationProgram(
        network, interpreters: [interpreter], batchSize: $0, samplesAtOnce: compute.samplesAtOnce,
        policy: compute.evaluationPolicy)
    }
    let size = programs.largest.heatmapSizes[0]
    topK = specification.topK(height: size.height, width: size.width)
    objectives = try specification.objectives(height: size.height, width: size.width)
  }

  /// What an image's logits say.
  package func classification(of logits: [Float]) -> Classification {
    Classification(logits: logits[...], network.architecture.output)
  }

  /// Makes an objective the one to attack with.
  /// - Returns: what an iteration needs, for the log.
  package func prepare(objective index: Int) throws -> String {
    if index != directionIndex {
      direction = nil
      var policy = compute.trainingPolicy
      policy.isBatchInvariant = true
      direction = try BatchPrograms(
        batchSize,
        ifAny: {
          try AttackDirection(
            network, interpreter: interpreter, objective: objectives[index], batchSize: $0,
            samplesAtOnce: compute.samplesAtOnce, policy: policy)
        })
      directionIndex = index
    }
    let bytes =
      programs.sum(\.plannedPeakBytes) + (direction?.sum(\.plannedPeakBytes) ?? 0)
    let flops =
      (direction?.largest.flops ?? 0) + programs.largest.flops / specification.checkEvery
    return String(
      format: "an iteration takes %.2f GFLOP per image, and %d images %.0f MB beside the weights",
      Double(flops) / 1e9 / Double(batchSize), batchSize, Double(bytes) / 1e6)
  }

  // MARK: Subjects

  /// Images that the network classifies correctly, in random order.
  struct Subjects {
    package var images: [AttackSubject] = []
    /// Images that were classified to find them.
    package var tried = 0
    package var skipped: [SkippedImage] = []
  }

  package func subjects(
    of source: any ImageSource, stop: StopRequest, progress: (_ found: Int) -> Void
  ) throws -> Subjects {
    let search = CorrectImages(
      source: source, preprocessing: network.preprocessing, imageSize: imageSize,
      batchSize: batchSize)
    let found = try search.find(
      specification.images, seed: specification.seed, stop: stop, progress: progress
    ) { pictures, labels, positions in
      guard source is UnlabelledImages else {
        return try explain(pictures, labels: labels, identities: positions)
      }
      // Logits do not depend on the label that is explained.
      let predicted = try explain(pictures, labels: labels, identities: positions).map {
        Classification.predicted($0.logits[...])
      }
      return try explain(pictures, labels: predicted, identities: positions)
    } logits: {
      $0.logits
    }
    var subjects = Subjects(
      images: found.images.map { image in
        AttackSubject(
          position: image.position, name: source.name(at: image.position), label: image.label,
          picture: image.picture, logits: image.answer.logits, heatmap: image.answer.heatmap,
          clean: image.answer.heatmap.relevance)
      }, tried: found.tried, skipped: found.skipped)
    if objectives.contains(where: \.hasTarget) { try addTargets(to: &subjects.images) }
    return subjects
  }

  /// The image that the recipe names for all, or to each the next one and to the last the first.
  private func addTargets(to subjects: inout [AttackSubject]) throws {
    let common = try specification.target.map(target)
    guard common != nil || subjects.count != 1 else {
      throw RunError(
        "there is only one image to attack, so there is no next one whose map it could get; "
          + "name one by attack.target")
    }
    let targets = subjects.map {
      AttackTarget(name: $0.name, picture: $0.picture, heatmap: $0.heatmap, relevance: $0.clean)
    }
    for place in subjects.indices {
      subjects[place].target = common ?? targets[(place + 1) % targets.count]
    }
  }

  /// The explanation of an image file for the class that the network gives it.
  private func target(_ path: String) throws -> AttackTarget {
    let picture = try network.preprocessing.prepare(Image(contentsOf: path), name: path)
    guard picture.size == imageSize else {
      throw ImageError(path: path, reason: "is \(picture.size), the network takes \(imageSize)")
    }
    let logits = try explain([picture], labels: [0], identities: [-1])[0].logits
    let label = Classification.predicted(logits[...])
    let heatmap = try explain([picture], labels: [label], identities: [-1])[0].heatmap
    return AttackTarget(
      name: path, picture: picture, heatmap: heatmap, relevance: heatmap.relevance)
  }

  // MARK: Attack

  /// An image on its way.
  private struct Iterate {
    let place: Int
    let subject: AttackSubject
    let reference: [Float]
    var samples: [Float]
    /// Of an attack that moves by Adam.
    var adam: AdamAscent?
    var iteration = 0
    /// Of the best iterate so far.
    var progress: Double
    var best: AttackedImage

    /// Whether no further iterate can be the result.
    func isDone(_ objective: any AttackObjective, after iterations: Int) -> Bool {
      iteration == iterations || objective.largestProgress.map { progress >= $0 } ?? false
    }
  }

  /// Attacks images by one objective, a batch at a time. An image leaves the batch after the last
  /// iteration, or when it has come as far as one can; another takes its place.
  /// - Parameters:
  ///   - objective: position in `objectives`.
  ///   - progress: called after every iteration with the number of images that are done.
  /// - Returns: in the order of `subjects`; they do not depend on which images share a batch but in
  ///   the last digits.
  package func attack(
    _ subjects: [AttackSubject], objective index: Int, epsilon: Double, stop: StopRequest,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [AttackedImage] {
    _ = try prepare(objective: index)
    let objective = objectives[index]
    let ball = PixelBall(radius: epsilon)
    var waiting = Array(subjects.enumerated())[...]
    var active: [Iterate] = []
    var done: [Iterate] = []
    while true {
      if stop.isRequested { throw RunStopped("stopped") }
      while active.count < batchSize, let (place, subject) = waiting.popFirst() {
        active.append(
          Iterate(
            place: place, subject: subject, reference: objective.reference(of: subject.start),
            samples: subject.picture.pixels.map(Float.init),
            adam: objective.update == .adam
              ? AdamAscent(samples: subject.picture.pixels.count) : nil,
            progress: objective.progress(of: subject.clean, from: subject.start),
            best: AttackedImage(unchanged: subject)))
      }
      guard !active.isEmpty else { break }
      let steps = try direction.map { try derivatives(by: $0, active, objective) }
      for row in active.indices {
        active[row].iteration += 1
        let subject = active[row].subject
        let step = steps?[row] ?? randomSigns(of: subject, active[row].iteration)
        let change = active[row].adam?.step(
          along: step, learningRate: specification.stepSize)
        if let change {
          for sample in change.indices {
            ball.move(
              &active[row].samples[sample], by: change[sample],
              around: subject.picture.pixels[sample])
          }
        } else {
          ball.step(
            &active[row].samples, along: step[...], stepSize: specification.stepSize,
            around: subject.picture.pixels)
        }
      }
      try look(at: &active, objective, ball)
      let iterations = specification.iterations
      done += active.filter { $0.isDone(objective, after: iterations) }
      active.removeAll { $0.isDone(objective, after: iterations) }
      progress(done.count)
    }
    return done.sorted { $0.place < $1.place }.map(\.best)
  }

  /// The images as network input, [batchSize, H, W, C], zero beyond `subjects`.
  package func inputs(of subjects: [AttackSubject]) -> [Float] {
    padded(
      subjects.map { normalizer($0.picture) },
      count: (batchSize - subjects.count) * normalizer.count(of: imageSize))
  }

  /// What the first iteration adds to an image, α·sign(d), as a change of the network's input.
  func firstSteps(of subjects: [AttackSubject], objective index: Int) throws -> [[Double]] {
    _ = try prepare(objective: index)
    let objective = objectives[index]
    let active = subjects.enumerated().map { place, subject in
      Iterate(
        place: place, subject: subject, reference: objective.reference(of: subject.start),
        samples: subject.picture.pixels.map(Float.init), progress: 0,
        best: AttackedImage(unchanged: subject))
    }
    let steps = try direction.map { try derivatives(by: $0, active, objective) }
    return active.indices.map { row in
      let signs = steps?[row] ?? randomSigns(of: subjects[row], 1)
      let alpha = Float(specification.stepSize)
      let before = active[row].samples
      let after = zip(before, signs).map { $0 + alpha * ($1 > 0 ? 1 : $1 < 0 ? -1 : 0) }
      return zip(normalizer(samples: after), normalizer(samples: before)).map {
        Double($0) - Double($1)
      }
    }
  }

  /// Keeps those iterates that are due, keep their label and have come further than any before.
  private func look(
    at active: inout [Iterate], _ objective: any AttackObjective, _ ball: PixelBall
  ) throws {
    let due = active.indices.filter {
      active[$0].iteration % specification.checkEvery == 0
        || active[$0].iteration == specification.iterations
    }
    guard !due.isEmpty else { return }
    let subjects = due.map { active[$0].subject }
    let candidates = due.map { row in
      Image(
        width: imageSize.width, height: imageSize.height,
        pixels: ball.rounded(active[row].samples, around: active[row].subject.picture.pixels))
    }
    let answers = try explain(
      candidates, labels: subjects.map(\.label), identities: subjects.map(\.position))
    for (place, row) in due.enumerated() {
      let subject = subjects[place]
      guard Classification.predicted(answers[place].logits[...]) == subject.label else {
        continue
      }
      let progress = objective.progress(
        of: answers[place].heatmap.relevance, from: subject.start)
      if progress > active[row].progress {
        active[row].progress = progress
        active[row].best = AttackedImage(
          picture: candidates[place], logits: answers[place].logits,
          heatmap: answers[place].heatmap, iteration: active[row].iteration)
      }
    }
  }

  /// ∂D/∂x of each image in its own samples, in units of 0 to 255.
  private func derivatives(
    by direction: BatchPrograms<AttackDirection>, _ active: [Iterate],
    _ objective: any AttackObjective
  ) throws -> [[Float]] {
    var beta = specification.beta
    if let last = objective.finalBeta {
      let iteration = active[0].iteration
      precondition(active.allSatisfy { $0.iteration == iteration }, "one β for all images")
      beta *= pow(last / beta, Double(iteration) / Double(specification.iterations))
    }
    let samples = normalizer.count(of: imageSize)
    let (batchSize, program) = direction(for: active.count)
    let missing = batchSize - active.count
    let derivative = try program.run(
      images: padded(active.map { normalizer(samples: $0.samples) }, count: missing * samples),
      labels: padded(active.map(\.subject.label), to: batchSize),
      references: padded(
        active.map(\.reference), count: missing * active[0].reference.count),
      beta: beta, identities: active.map(\.subject.position))
    return active.indices.map {
      normalizer.derivativeInSamples(derivative.values[$0 * samples..<($0 + 1) * samples])
    }
  }

  /// ±1 at random: a function of the seed, the image and the iteration.
  private func randomSigns(of subject: AttackSubject, _ iteration: Int) -> [Float] {
    var random = RandomGenerator(seed: specification.seed, subject.position, iteration)
    var bits: UInt64 = 0
    return (0..<subject.picture.pixels.count).map { sample in
      if sample % 64 == 0 { bits = random.next() }
      defer { bits >>= 1 }
      return bits & 1 == 0 ? -1 : 1
    }
  }

  /// A picture that an attack has made before, measured again.
  package func result(of picture: Image, from subject: AttackSubject, iteration: Int?) throws
    -> AttackedImage
  {
    let answer = try explain(
      [picture], labels: [subject.label], identities: [subject.position])[0]
    return AttackedImage(
      picture: picture, logits: answer.logits, heatmap: answer.heatmap, iteration: iteration)
  }

  /// Images that are explained at once.
  var largestBatch: Int { batchSize }

  /// Logits and heatmaps for the labels.
  func explain(
    _ pictures: [Image], labels: [Int], identities: [Int]
  ) throws -> [(logits: [Float], heatmap: Heatmap)] {
    let (batchSize, program) = programs(for: pictures.count)
    let missing = (batchSize - pictures.count) * normalizer.count(of: imageSize)
    try program.run(
      images: padded(pictures.map { normalizer($0) }, count: missing),
      labels: padded(labels, to: batchSize),
      identities: identities)
    let logits = program.logits.values
    let maps = program.heatmaps(0, count: pictures.count)
    return pictures.indices.map { place in
      (Array(logits[place * program.classes..<(place + 1) * program.classes]), maps[place])
    }
  }

  private func padded(_ parts: [[Float]], count: Int) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(parts.reduce(count) { $0 + $1.count })
    for part in parts { values += part }
    values += repeatElement(0, count: count)
    return values
  }

  private func padded(_ labels: [Int], to batchSize: Int) -> [Int32] {
    labels.map(Int32.init) + [Int32](repeating: 0, count: batchSize - labels.count)
  }
}
