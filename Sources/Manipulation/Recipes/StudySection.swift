import Checkpoints
import Networks
import Perturbation

/// What `trompe study` does with which networks.
public struct StudySection: Hashable, Sendable {
  /// A network under study.
  public struct Checkpoint: Hashable, Sendable {
    /// By which results call it.
    public var name: String
    public var file: String
    /// The name of the network that it was made from, with whose heatmaps its own are compared; `nil`
    /// if it is an original itself.
    public var original: String?

    public init(name: String, file: String, original: String? = nil) {
      (self.name, self.file, self.original) = (name, file, original)
    }
  }

  /// Perturbation of regions in the order of their relevance.
  public struct AOPC: Hashable, Sendable {
    /// What is taken as the network's score of the label.
    public enum Score: String, Codable, Hashable, Sendable, CaseIterable {
      /// Softmax of the logits, in [0, 1].
      case probability
      case logit
    }
    // Samek et al. 2017, Section V.
    public static let paperRegionSize = 9
    public static let paperSteps = 100

    /// Images of the validation split, evenly spread.
    public var images: Int
    /// Side of a region in pixels of the network's input.
    public var regionSize: Int
    /// L: how many regions are perturbed; all if there are fewer.
    public var steps: Int
    public var fill: RegionFill
    public var score: Score
    public var orders: [PerturbationOrder]

    public init(
      images: Int = 64, regionSize: Int = paperRegionSize, steps: Int = paperSteps,
      fill: RegionFill = .uniform, score: Score = .probability,
      orders: [PerturbationOrder] = PerturbationOrder.allCases
    ) {
      (self.images, self.regionSize, self.steps) = (images, regionSize, steps)
      (self.fill, self.score, self.orders) = (fill, score, orders)
    }
  }

  /// Gaussian noise of growing strength.
  public struct Noise: Hashable, Sendable {
    /// σ, one point of the curves for each.
    public var strengths: [Double]
    /// How often each is drawn anew.
    public var draws: Int

    public init(strengths: [Double], draws: Int = 5) {
      (self.strengths, self.draws) = (strengths, draws)
    }
    public static let weights = Noise(strengths: [0, 0.05, 0.1, 0.2, 0.4])
    public static let inputs = Noise(strengths: [0, 0.1, 0.25, 0.5, 1])
  }

  /// Names of `StudyKind.all`, in the order in which they are done.
  public var studies: [String]
  public var checkpoints: [Checkpoint]
  /// How many images of the validation split all but `aopc` and `attack` use, evenly spread; all if `nil`.
  public var images: Int?
  /// Of all that is random, but of what the interpreter and the attacks draw.
  public var seed: UInt64
  public var aopc: AOPC
  public var weightNoise: Noise
  public var inputNoise: Noise

  public init(
    studies: [String], checkpoints: [Checkpoint], images: Int? = nil, seed: UInt64 = 0,
    aopc: AOPC = AOPC(), weightNoise: Noise = .weights, inputNoise: Noise = .inputs
  ) {
    (self.studies, self.checkpoints, self.images, self.seed) = (studies, checkpoints, images, seed)
    (self.aopc, self.weightNoise, self.inputNoise) = (aopc, weightNoise, inputNoise)
  }
}

extension RecipeReader {
  func study() -> StudySection? {
    typealias Keys = RecipeKeys.Study
    let section = root.section("study")
    let before = problems.count
    let studies = section.value(Keys.studies)
    let checkpoints = checkpoints(section)
    let (images, seed) = (section.value(Keys.images), section.value(Keys.seed))
    let aopc = aopc(section.section("aopc"))
    let weights = noise(
      section.section("weightNoise"), Keys.weightStrengths, Keys.weightDraws)
    let inputs = noise(section.section("inputNoise"), Keys.inputStrengths, Keys.inputDraws)
    for (index, name) in (studies ?? []).enumerated() {
      section.check(Keys.studies.name) {
        _ = try StudyKind.named(name)
        if studies?[..<index].contains(name) == true {
          throw RunError("\"\(name)\" is given twice")
        }
      }
    }
    guard problems.count == before, let studies, let checkpoints, let seed, let aopc, let weights,
      let inputs
    else { return nil }
    return StudySection(
      studies: studies, checkpoints: checkpoints, images: images, seed: seed, aopc: aopc,
      weightNoise: weights, inputNoise: inputs)
  }

  private func aopc(_ section: RecipeSection) -> StudySection.AOPC? {
    typealias Keys = RecipeKeys.Study
    let (images, size) = (section.value(Keys.aopcImages), section.value(Keys.regionSize))
    let (steps, fill) = (section.value(Keys.steps), section.value(Keys.fill))
    let (score, orders) = (section.value(Keys.score), section.value(Keys.orders))
    if let orders, Set(orders).count < orders.count {
      problems.add(
        "\(section.full(Keys.orders.name)) has an order twice",
        at: section.origin(of: Keys.orders.name))
    }
    guard let images, let size, let steps, let fill, let score, let orders else { return nil }
    return StudySection.AOPC(
      images: images, regionSize: size, steps: steps, fill: fill, score: score, orders: orders)
  }

  private func noise(
    _ section: RecipeSection, _ strengths: RecipeKey<[Double]>, _ draws: RecipeKey<Int>
  ) -> StudySection.Noise? {
    guard let values = section.value(strengths), let draws = section.value(draws) else {
      return nil
    }
    if Set(values).count < values.count {
      problems.add(
        "\(section.full(strengths.name)) has a number twice",
        at: section.origin(of: strengths.name))
    }
    return StudySection.Noise(strengths: values, draws: draws)
  }

  private func checkpoints(_ study: RecipeSection) -> [StudySection.Checkpoint]? {
    typealias Keys = RecipeKeys.StudyCheckpoint
    let example = "e.g. [{name: plain, file: a.h5}, {name: fooled, file: b.h5, original: plain}]"
    guard let node = study.node["checkpoints"] else {
      problems.add(
        "study.checkpoints is missing, expected a list, \(example)", at: study.node.origin)
      return nil
    }
    guard let nodes = node.list, (1...Keys.most).contains(nodes.count) else {
      problems.add(
        "study.checkpoints is \(node.shown), expected a list of 1 to \(Keys.most), \(example)",
        at: node.origin)
      return nil
    }
    let sections = nodes.enumerated().map { index, node in
      RecipeSection(
        node, path: "study.checkpoints[\(index)]", schema: "study.checkpoints[]",
        folder: root.folder, problems: problems)
    }
    let checkpoints = sections.compactMap { section -> StudySection.Checkpoint? in
      let (name, file) = (section.value(Keys.name), section.path(Keys.file))
      let original = section.value(Keys.original)
      guard let name, let file else { return nil }
      return StudySection.Checkpoint(name: name, file: file, original: original)
    }
    guard checkpoints.count == nodes.count else { return nil }
    for (index, checkpoint) in checkpoints.enumerated() {
      check(checkpoint, at: index, of: checkpoints, sections[index])
    }
    return checkpoints
  }

  private func check(
    _ checkpoint: StudySection.Checkpoint, at index: Int, of all: [StudySection.Checkpoint],
    _ section: RecipeSection
  ) {
    typealias Keys = RecipeKeys.StudyCheckpoint
    func wrong(_ key: RecipeKey<String>, _ value: String, _ reason: String) {
      problems.add(
        "\(section.full(key.name)) is \"\(printable(value))\", \(reason)",
        at: section.origin(of: key.name))
    }
    // Names are those of folders as well.
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    if !checkpoint.name.allSatisfy(allowed.contains) || checkpoint.name.hasPrefix(".") {
      wrong(Keys.name, checkpoint.name, "expected letters, digits, - and _ only")
    }
    if all[..<index].contains(where: { $0.name == checkpoint.name }) {
      wrong(Keys.name, checkpoint.name, "the name of another one too")
    }
    guard let name = checkpoint.original else { return }
    guard name != checkpoint.name, let original = all.first(where: { $0.name == name }) else {
      let others = all.filter { $0.original == nil && $0.name != checkpoint.name }.map(\.name)
      wrong(
        Keys.original, name,
        "expected the name of the network that \(printable(checkpoint.name)) was made from: "
          + NameSuggestions.sentence(for: name, among: others))
      return
    }
    if let further = original.original {
      wrong(
        Keys.original, name,
        "which was itself made from \(printable(further)); expected a network without original")
    }
  }
}

extension RecipeWriter {
  mutating func write(_ study: StudySection) {
    typealias Keys = RecipeKeys.Study
    put(Keys.studies, study.studies)
    typealias Entry = RecipeKeys.StudyCheckpoint
    let nodes = study.checkpoints.map { checkpoint in
      var entries = [
        (Entry.name.name, Entry.name.form.write(checkpoint.name)),
        (Entry.file.name, Entry.file.form.write(checkpoint.file)),
      ]
      if let original = checkpoint.original {
        entries.append((Entry.original.name, Entry.original.form.write(original)))
      }
      return RecipeNode.mapping(entries)
    }
    put("study.checkpoints", .list(nodes))
    put(Keys.images, study.images)
    put(Keys.seed, study.seed)
    put(Keys.aopcImages, study.aopc.images)
    put(Keys.regionSize, study.aopc.regionSize)
    put(Keys.steps, study.aopc.steps)
    put(Keys.fill, study.aopc.fill)
    put(Keys.score, study.aopc.score)
    put(Keys.orders, study.aopc.orders)
    put(Keys.weightStrengths, study.weightNoise.strengths)
    put(Keys.weightDraws, study.weightNoise.draws)
    put(Keys.inputStrengths, study.inputNoise.strengths)
    put(Keys.inputDraws, study.inputNoise.draws)
  }
}
