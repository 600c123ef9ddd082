import Defences
import Explanations
import Foundation
import ImageData
import Networks
import TensorRuntime

/// Which command a recipe is for.
public enum RecipeKind: Hashable, Sendable {
  /// `trompe fool`.
  case fooling
  /// `trompe train`.
  case training
  /// `trompe attack`.
  case attack
  /// `trompe study`.
  case study
  /// `trompe influence`.
  case influence

  /// - Throws: `RecipeError` when the file cannot be read or is no YAML.
  public init(ofRecipe path: String, settings: [String] = []) throws {
    let document = try RecipeDocument(
      contentsOf: path, settings: settings.map { try RecipeSetting($0) })
    self =
      document.root["study"] != nil
      ? .study
      : document.root["influence"] != nil
        ? .influence
        : document.root["attack"] != nil
          ? .attack : document.root.isFooling ? .fooling : .training
  }
}

extension RecipeNode {
  /// Of a whole recipe.
  fileprivate var isFooling: Bool { self["fooling"] != nil || self["interpreter"] != nil }
}

extension FoolingRecipe: RecipeFile {
  public init(_ document: RecipeDocument) throws {
    let problems = RecipeProblems(file: document.name)
    guard document.root.isFooling else {
      problems.add(
        "has neither fooling nor interpreter, so it trains a classifier: use trompe train, or add "
          + "both sections", at: .whole)
      throw problems.error
    }
    let recipe = RecipeReader(document, problems, kind: .fooling)
    let network = recipe.network()
    let data = recipe.data()
    let fooling = recipe.fooling()
    let interpreter = recipe.interpreter()
    let training = recipe.training()
    let evaluation = recipe.evaluation()
    let control = recipe.root.value(RecipeKeys.control)
    let report = recipe.report()
    let compute = recipe.compute()
    recipe.checkComposites(areFor: fooling)
    let output = recipe.output()
    guard problems.isEmpty, let network, let data, let fooling, let interpreter, let training,
      let evaluation, let control, let report
    else { throw problems.error }
    self.init(
      network: network, data: data, fooling: fooling, control: control, interpreter: interpreter,
      training: training, evaluation: evaluation, report: report, compute: compute, output: output)
  }
}

extension TrainingRecipe: RecipeFile {
  public init(_ document: RecipeDocument) throws {
    let problems = RecipeProblems(file: document.name)
    if let entry = document.root.entries?.first(where: {
      RecipeReader.Kind.training.hidden.contains($0.key)
    }) {
      problems.add(
        document.root["study"] != nil
          ? "\(entry.key) makes this a recipe for studies of networks: use trompe study"
          : document.root["influence"] != nil
            ? "\(entry.key) makes this a recipe for influences of images: use trompe influence"
            : document.root["attack"] != nil || document.root["curvature"] != nil
              ? "\(entry.key) makes this a recipe for attacks on images: use trompe attack"
              : "\(entry.key) makes this a recipe for fooling explanations: use trompe fool, or take "
                + "fooling and interpreter out", at: entry.origin)
      throw problems.error
    }
    let recipe = RecipeReader(document, problems, kind: .training)
    let network = recipe.network()
    let data = recipe.data()
    let training = recipe.training()
    let evaluation = recipe.evaluation()
    _ = recipe.report()
    let compute = recipe.compute()
    recipe.checkComposites(areFor: nil)
    let output = recipe.output()
    guard problems.isEmpty, let network, let data, let training, let evaluation
    else { throw problems.error }
    self.init(
      network: network, data: data, training: training, evaluation: evaluation, compute: compute,
      output: output)
  }
}

/// The parts of a recipe that an evaluation without training has.
public struct EvaluationOptions: Hashable, Sendable {
  public var network: NetworkSection
  /// `nil` if it is not asked for.
  public var fooling: FoolingSpecification?
  public var evaluation: EvaluationSection
  /// Whether the settings say by which interpreters success is measured.
  public var namesInterpreters: Bool
  public var report: ReportSection
  public var compute: ComputeSection

  /// - Throws: `RecipeError` naming the settings at fault.
  public init(settings: [RecipeSetting]) throws {
    let problems = RecipeProblems(file: "")
    let document = try RecipeDocument(
      yaml: "{}", name: "", folder: RecipePath.currentFolder, settings: settings)
    let recipe = RecipeReader(document, problems, kind: .evaluation)
    let network = recipe.network()
    let fooling = document.root["fooling"] == nil ? nil : recipe.fooling()
    let evaluation = recipe.evaluation()
    namesInterpreters = document.root["evaluation"]?["interpreters"] != nil
    let report = recipe.report()
    let compute = recipe.compute()
    guard problems.isEmpty, let network, let evaluation, let report else { throw problems.error }
    (self.network, self.fooling) = (network, fooling)
    (self.evaluation, self.report, self.compute) = (evaluation, report, compute)
  }
}

/// Reads the sections. Each gives `nil` only after it has reported a problem.
struct RecipeReader {
  enum Kind {
    case fooling, training, evaluation, attack, study, influence

    /// Keys of the whole recipe that another kind has.
    var hidden: [String] {
      switch self {
      case .fooling: ["study", "attack", "curvature", "influence"]
      case .training:
        ["study", "fooling", "control", "interpreter", "attack", "curvature", "influence"]
      case .evaluation:
        ["data", "control", "interpreter", "training", "study", "attack", "curvature", "influence"]
      case .attack: ["study", "fooling", "control", "training", "output", "influence"]
      case .study: ["training", "control", "curvature", "output", "influence"]
      case .influence:
        [
          "study", "fooling", "control", "interpreter", "attack", "curvature", "training", "output",
        ]
      }
    }

    /// Whether nothing is trained, so that training images are of no use.
    var onlyMeasures: Bool { self == .attack || self == .study }
  }

  let root: RecipeSection
  let kind: Kind
  var problems: RecipeProblems { root.problems }

  init(_ document: RecipeDocument, _ problems: RecipeProblems, kind: Kind) {
    self.kind = kind
    root = RecipeSection(document.root, path: "", folder: document.folder, problems: problems)
    switch kind {
    case .training: return
    case .fooling:
      for name in kind.hidden where root.has(name) {
        problems.add(
          name == "study"
            ? "study is for trompe study, which trains nothing: take it out, or take training out"
            : "\(name) is for trompe \(name == "influence" ? name : "attack"), which changes images "
              + "and trains nothing: take it out, or take fooling and training out",
          at: root.origin(of: name))
      }
    case .evaluation, .attack, .study, .influence:
      let what = kind == .study ? "a study" : "an \(kind)"
      for name in kind.hidden where root.has(name) {
        problems.add("\(what) has no \(name)", at: root.origin(of: name))
      }
    }
  }

  // MARK: Network

  func network() -> NetworkSection? {
    typealias Keys = RecipeKeys.Network
    let section = root.section("network")
    let checkpoint = section.path(Keys.checkpoint)
    let preprocessing = section.has("preprocessing") ? self.preprocessing(section) : nil
    let architecture =
      section.has("architecture") ? self.architecture(section, preprocessing?.outputSize) : nil
    let classNames = section.value(Keys.classNames)
    if let classNames, Set(classNames).count < classNames.count {
      problems.add("network.classNames has a name twice", at: section.origin(of: "classNames"))
    }
    switch kind {
    case .fooling where !section.has("checkpoint"), .attack where !section.has("checkpoint"),
      .influence where !section.has("checkpoint"):
      problems.add(
        "network.checkpoint is missing, expected the path of the HDF5 file to start from",
        at: root.origin(of: "network"))
    case .study where section.has("checkpoint"):
      problems.add(
        "network.checkpoint is for a single network; a study lists its networks in "
          + "study.checkpoints", at: section.origin(of: "checkpoint"))
    case .training where !section.has("checkpoint") && !section.has("architecture"):
      problems.add(
        "network has neither checkpoint nor architecture; give the file to start from, or an "
          + "architecture to start from random weights", at: root.origin(of: "network"))
    default: break
    }
    typealias Pixels = RecipeKeys.PreprocessingKeys
    let saysNormalization = [
      Pixels.style.name, Pixels.channelOrder.name, Pixels.mean.name, Pixels.standardDeviation.name,
    ].contains { section.node["preprocessing"]?[$0] != nil }
    return NetworkSection(
      checkpoint: checkpoint, architecture: architecture, preprocessing: preprocessing,
      saysNormalization: saysNormalization, classNames: classNames)
  }

  private func preprocessing(_ network: RecipeSection) -> Preprocessing? {
    typealias Keys = RecipeKeys.PreprocessingKeys
    let section = network.section("preprocessing")
    // A family that does not exist is reported where the architecture is read.
    let family = network.node["architecture"]?["family"]?.word
    let style =
      section.value(Keys.style) ?? family.map(Preprocessing.Style.init(family:)) ?? .torch
    guard let resize = section.value(Keys.resize) else { return nil }
    var preprocessing = Preprocessing(
      resize: resize, centerCrop: section.value(Keys.crop), style: style)
    let (mean, deviation) = (section.value(Keys.mean), section.value(Keys.standardDeviation))
    if mean?.count == 1 || deviation?.count == 1 { preprocessing = preprocessing.gray }
    if let order = section.value(Keys.channelOrder) { preprocessing.channelOrder = order }
    if let mean { preprocessing.mean = mean }
    if let deviation { preprocessing.standardDeviation = deviation }
    if let crop = preprocessing.centerCrop {
      let smallest: ImageSize? =
        switch resize {
        case .none: nil
        case .exact(let width, let height): ImageSize(width: width, height: height)
        case .shorterSide(let length): ImageSize(width: length, height: length)
        }
      if case .shorterSide = resize, let smallest, min(crop.width, crop.height) <= smallest.width {
        return preprocessing  // the longer side may be long enough
      }
      if let smallest, crop.width > smallest.width || crop.height > smallest.height {
        problems.add(
          "network.preprocessing.crop is \(crop), larger than the \(smallest) after resizing",
          at: section.origin(of: "crop"))
      }
    }
    section.check("mean") { try preprocessing.validate() }
    return preprocessing
  }

  private func architecture(
    _ network: RecipeSection, _ size: ImageSize?
  ) -> ArchitectureSpecification? {
    typealias Keys = RecipeKeys.Architecture
    let section = network.section("architecture")
    let before = problems.count
    let family = section.value(Keys.family)
    let classes = section.value(Keys.classes)
    var specification = ArchitectureSpecification(
      family: family ?? "", classes: classes ?? 0,
      height: section.value(Keys.height) ?? size?.height
        ?? ArchitectureSpecification.defaultSide,
      width: section.value(Keys.width) ?? size?.width ?? ArchitectureSpecification.defaultSide,
      channels: section.value(Keys.channels) ?? 0, plan: section.value(Keys.plan),
      batchNorm: section.value(Keys.batchNorm), classifier: section.value(Keys.classifier),
      widths: section.value(Keys.widths), blocks: section.value(Keys.blocks))
    if let node = section.node[Keys.graph.name] {
      do { specification.graph = try Architecture(recipe: node) } catch {
        let text = (error as? NetworkError)?.description ?? "is not an architecture"
        problems.add("\(section.full(Keys.graph.name)): \(text)", at: node.origin)
      }
    }
    guard problems.count == before else { return nil }
    do { _ = try specification.architecture() } catch {
      let key = (try? NetworkFamily.named(specification.family)) == nil ? "family" : nil
      problems.add(
        "network.architecture: \(error)",
        at: key.map(section.origin) ?? network.origin(of: "architecture"))
    }
    return specification
  }

  // MARK: Data

  func data() -> DataSection? {
    let section = root.section("data")
    let augmentation = augmentation(section)
    let threads = section.value(RecipeKeys.Data.threads)
    let composites = composites(section)
    guard let source = source(section), let augmentation, let composites else { return nil }
    return DataSection(
      source: source, augmentation: augmentation, composites: composites, threads: threads)
  }

  private func composites(_ data: RecipeSection) -> DataSection.Composites? {
    typealias Keys = RecipeKeys.Composites
    guard data.has("composites") else { return .paper }
    let section = data.section("composites")
    let (train, validation) = (section.path(Keys.trainFolder), section.path(Keys.validationFolder))
    if section.has("trainFolder") || section.has("validationFolder") {
      guard let train, let validation else {
        problems.add(
          "data.composites needs both trainFolder and validationFolder, or neither",
          at: data.origin(of: "composites"))
        return nil
      }
      for name in ["train", "validation", "seed"] where section.has(name) {
        problems.add(
          "data.composites.\(name) is for tiles that the program makes; the folders are ready-made",
          at: section.origin(of: name))
      }
      return .folders(train: train, validation: validation)
    }
    guard let trainCount = section.value(Keys.train),
      let validationCount = section.value(Keys.validation), let seed = section.value(Keys.seed)
    else { return nil }
    return .tiles(train: trainCount, validation: validationCount, seed: seed)
  }

  /// Images that show both classes are of no use to a fooling that has no two classes.
  func checkComposites(areFor fooling: FoolingSpecification?) {
    let data = root.section("data")
    guard data.has("composites"), kind != .evaluation, kind != .fooling || fooling != nil else {
      return
    }
    if let fooling {
      guard let kind = try? FoolingKind.named(fooling.name), !kind.options.contains(.classes)
      else { return }
    }
    problems.add(
      "data.composites is for active fooling, but "
        + (fooling.map { "fooling.name is \($0.name)" }
          ?? (kind == .study
            ? "this study has no fooling"
            : "this recipe \(kind == .training ? "trains a classifier" : "attacks images")"))
        + ": take it out", at: data.origin(of: "composites"))
  }

  private func source(_ section: RecipeSection) -> DataSection.Source? {
    typealias Keys = RecipeKeys.Data
    var (train, validation) = (section.path(Keys.train), section.path(Keys.validation))
    guard section.has("shapes") else {
      if kind.onlyMeasures, !section.has("train"), let validation { train = validation }
      for name in ["train", "validation"]
      where !section.has(name) && !(name == "train" && kind.onlyMeasures) {
        problems.add(
          "data.\(name) is missing, expected a folder with one folder for each class"
            + (name == "train" && !section.has("validation")
              ? "; or data.shapes for the built-in images" : ""),
          at: root.origin(of: "data"))
      }
      guard let train, let validation else { return nil }
      return .folders(train: train, validation: validation)
    }
    for name in ["train", "validation"] where section.has(name) {
      problems.add(
        "data has both shapes and \(name): give either shapes or train and validation",
        at: section.origin(of: name))
    }
    let shapes = section.section("shapes")
    guard let trainCount = shapes.value(RecipeKeys.Shapes.train),
      let validationCount = shapes.value(RecipeKeys.Shapes.validation),
      let seed = shapes.value(RecipeKeys.Shapes.seed)
    else { return nil }
    return .shapes(train: trainCount, validation: validationCount, seed: seed)
  }

  private func augmentation(_ data: RecipeSection) -> Augmentation? {
    typealias Keys = RecipeKeys.AugmentationKeys
    guard let node = data.node["augmentation"] else { return Augmentation.none }
    switch node.word {
    case "none": return Augmentation.none
    case "flip": return .flip
    default: break
    }
    guard node.entries != nil else {
      problems.add(
        "\(Keys.path) is \(node.shown), expected none, flip, or a mapping with "
          + "randomResizedCrop, pad or flip", at: node.origin)
      return nil
    }
    let section = data.section("augmentation")
    guard let flip = section.value(Keys.flip) else { return nil }
    var crop = Augmentation.Crop.none
    if section.has("randomResizedCrop") {
      if section.has("pad") {
        problems.add(
          "\(Keys.path) has both randomResizedCrop and pad: give one",
          at: section.origin(of: "pad"))
      }
      let part = section.section("randomResizedCrop")
      guard let scale = part.value(Keys.scale), let ratio = part.value(Keys.ratio) else {
        return nil
      }
      crop = .randomResized(scale: scale, ratio: ratio)
    } else if let padding = section.value(Keys.pad) {
      crop = .padded(padding: padding)
    }
    return Augmentation(crop: crop, flipProbability: flip)
  }

  // MARK: Fooling

  func fooling() -> FoolingSpecification? {
    typealias Keys = RecipeKeys.Fooling
    let section = root.section("fooling")
    let name = section.value(Keys.name)
    // Nothing is trained in an evaluation, so nothing is weighted.
    let lambda =
      (kind == .evaluation || kind == .study) && !section.has(Keys.lambda.name)
      ? 1 : section.value(Keys.lambda)
    let (frameWidth, threshold) = (section.value(Keys.frameWidth), section.value(Keys.threshold))
    let (mask, k) = (section.path(Keys.mask), section.value(Keys.k))
    let (classes, variant) = (section.value(Keys.classes), section.value(Keys.variant))
    guard let name, let lambda else { return nil }
    let specification = FoolingSpecification(
      name: name, lambda: lambda, variant: variant ?? .paper, frameWidth: frameWidth, mask: mask,
      k: k, classes: classes, threshold: threshold)
    do { try specification.check() } catch {
      problems.add("fooling: \(error)", at: section.origin(of: Keys.name.name))
    }
    return specification
  }

  /// - Parameter missingLayer: the target layer of a method that needs one and is given none.
  func interpreter(missingLayer: String? = nil) -> InterpreterSpecification? {
    interpreter(root.section("interpreter"), missingLayer: missingLayer)
  }

  private func interpreter(
    _ section: RecipeSection, missingLayer: String? = nil
  ) -> InterpreterSpecification? {
    // The keys of both places have the same names.
    let keys = RecipeKeys.Interpreter.fooled
    let before = problems.count
    let (name, layer) = (section.value(keys.name), section.value(keys.layer))
    var specification = InterpreterSpecification(name: name ?? "", layer: layer)
    if let node = section.node[keys.composite.name] {
      do { specification.composite = try RelevanceComposite(recipe: node) } catch {
        let text = (error as? NetworkError)?.description ?? "is not a table of layers and rules"
        problems.add("\(section.full(keys.composite.name)): \(text)", at: node.origin)
      }
    }
    specification.batchNorm = section.value(keys.batchNorm)
    (specification.samples, specification.steps) = (
      section.value(keys.samples), section.value(keys.steps)
    )
    (specification.sigma, specification.sigmaUnit) = (
      section.value(keys.sigma), section.value(keys.sigmaUnit)
    )
    specification.radius = section.value(keys.radius)
    specification.leak = section.value(keys.leak)
    specification.standardDeviation = section.value(keys.standardDeviation)
    specification.seed = section.value(keys.seed)
    specification.softplus = section.value(keys.softplus)
    guard let name, problems.count == before else { return nil }
    if layer == nil, (try? InterpreterKind.named(name))?.place == .targetLayer {
      specification.layer = missingLayer
    }
    do { _ = try specification.interpreter() } catch {
      problems.add("\(section.path): \(error)", at: section.origin(of: "name"))
    }
    return specification
  }

  // MARK: Training

  func training() -> TrainingSection? {
    typealias Keys = RecipeKeys.Training
    let section = root.section("training")
    let before = problems.count
    let method = method(section)
    let rate = section.value(Keys.learningRate)
    let duration = duration(section)
    let schedule = section.value(Keys.schedule)
    let warmup = section.value(Keys.warmupSteps)
    let batchSize = section.value(Keys.batchSize)
    let seed = section.value(Keys.seed)
    let logEvery = section.value(Keys.logEvery)
    let validateEvery = section.value(Keys.validateEvery)
    let validateImages = section.value(Keys.validateImages)
    let saveEvery = section.value(Keys.saveEvery)
    let keepStates = section.value(Keys.keepStates)
    let freezes = section.value(Keys.freezesBatchNorm)
    let (regularizers, adversarial) = (regularizers(section), adversarial(section))
    for name in [Keys.freezesBatchNorm.name, "regularizers", "adversarial"]
    where kind == .fooling && section.has(name) {
      problems.add("training.\(name) is for trompe train", at: section.origin(of: name))
    }
    guard problems.count == before, let method, let rate, let duration, let schedule, let warmup,
      let batchSize, let seed, let logEvery, let validateEvery, let validateImages, let saveEvery,
      let keepStates, let freezes
    else { return nil }
    if case .steps(let steps) = duration, warmup > steps {
      problems.add(
        "training.warmupSteps is \(warmup), more than the \(steps) steps of training",
        at: section.origin(of: Keys.warmupSteps.name))
    }
    return TrainingSection(
      optimizer: method, learningRate: rate, schedule: schedule, warmupSteps: warmup,
      duration: duration, batchSize: batchSize, seed: seed, logEvery: logEvery,
      validateEvery: validateEvery, validateImages: validateImages, saveEvery: saveEvery,
      keepStates: keepStates, regularizers: regularizers, adversarial: adversarial,
      freezesBatchNorm: freezes)
  }

  private func regularizers(_ training: RecipeSection) -> [RegularizerSpecification] {
    typealias Keys = RecipeKeys.Regularizer
    guard let node = training.node["regularizers"] else { return [] }
    guard let nodes = node.list, nodes.count <= 10 else {
      problems.add(
        "training.regularizers is \(node.shown), expected a list of at most 10, e.g. [{name: ssr, "
          + "weight: 0.4}]", at: node.origin)
      return []
    }
    return nodes.enumerated().compactMap { index, node in
      let section = RecipeSection(
        node, path: "training.regularizers[\(index)]", schema: "training.regularizers[]",
        folder: root.folder, problems: problems)
      let (name, weight) = (section.value(Keys.name), section.value(Keys.weight))
      let (iterations, step) = (section.value(Keys.iterations), section.value(Keys.step))
      guard let name, let weight else { return nil }
      let specification = RegularizerSpecification(
        name: name, weight: weight, iterations: iterations, step: step)
      section.check(Keys.name.name) { _ = try specification.regularizer() }
      return specification
    }
  }

  private func adversarial(_ training: RecipeSection) -> AdversarialSection? {
    typealias Keys = RecipeKeys.Adversarial
    guard training.has("adversarial") else { return nil }
    let section = training.section("adversarial")
    guard let norm = section.value(Keys.norm), let epsilon = section.value(Keys.epsilon),
      let stepSize = section.value(Keys.stepSize), let iterations = section.value(Keys.iterations)
    else { return nil }
    return AdversarialSection(
      norm: norm, epsilon: epsilon, stepSize: stepSize, iterations: iterations)
  }

  private func method(_ section: RecipeSection) -> UpdateRule? {
    typealias Keys = RecipeKeys.Training
    guard let optimizer = section.value(Keys.optimizer),
      let decay = section.value(Keys.weightDecay)
    else { return nil }
    let ofAdam = [Keys.beta1.name, Keys.beta2.name, Keys.epsilon.name]
    let ofSGD = [Keys.momentum.name, Keys.nesterov.name]
    let (foreign, owner) = optimizer == .adam ? (ofSGD, "sgd") : (ofAdam, "adam")
    for name in foreign where section.has(name) {
      problems.add(
        "training.\(name) is for \(owner), but the optimizer is \(optimizer.rawValue)",
        at: section.origin(of: name))
    }
    switch optimizer {
    case .adam:
      guard let beta1 = section.value(Keys.beta1), let beta2 = section.value(Keys.beta2),
        let epsilon = section.value(Keys.epsilon)
      else { return nil }
      return .adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay)
    case .sgd:
      guard let momentum = section.value(Keys.momentum),
        let nesterov = section.value(Keys.nesterov)
      else { return nil }
      if nesterov, momentum == 0 {
        problems.add(
          "training.nesterov needs a momentum above 0", at: section.origin(of: Keys.nesterov.name))
      }
      return .sgd(momentum: momentum, weightDecay: decay, nesterov: nesterov)
    }
  }

  private func duration(_ section: RecipeSection) -> TrainingSection.Duration? {
    typealias Keys = RecipeKeys.Training
    let (steps, epochs) = (section.value(Keys.steps), section.value(Keys.epochs))
    switch (section.has(Keys.steps.name), section.has(Keys.epochs.name)) {
    case (true, true):
      problems.add(
        "training has both steps and epochs: give one", at: section.origin(of: Keys.epochs.name))
      return nil
    case (false, false):
      problems.add(
        "training.steps is missing, expected a whole number of steps; or give training.epochs",
        at: root.origin(of: "training"))
      return nil
    default: return steps.map { .steps($0) } ?? epochs.map { .epochs($0) }
    }
  }

  // MARK: Evaluation and compute

  func evaluation() -> EvaluationSection? {
    let section = root.section("evaluation")
    let batchSize = section.value(RecipeKeys.Evaluation.batchSize)
    let grid = section.value(RecipeKeys.Evaluation.grid)
    if section.has("grid"), kind == .training || kind == .attack || kind == .influence {
      problems.add(
        "evaluation.grid is for trompe fool, evaluate and study: nothing else tests heatmaps",
        at: section.origin(of: "grid"))
    }
    func evaluation(_ interpreters: FurtherInterpreters) -> EvaluationSection? {
      guard let batchSize, let grid else { return nil }
      return EvaluationSection(batchSize: batchSize, interpreters: interpreters, grid: grid)
    }
    var further: FurtherInterpreters =
      kind == .fooling || kind == .study ? .transfer(.singlePass) : []
    if let node = section.node["interpreters"] {
      if kind == .training || kind == .attack || kind == .influence {
        problems.add(
          "evaluation.interpreters is for trompe fool: "
            + (kind == .training
              ? "training a classifier explains nothing"
              : kind == .attack
                ? "an attack is on the one interpreter of the recipe"
                : "influences draw no heatmaps"),
          at: section.origin(of: "interpreters"))
      }
      if let several = node.text.flatMap(TransferInterpreters.init) {
        return evaluation(.transfer(several))
      }
      guard let nodes = node.list, nodes.count <= 100 else {
        problems.add(
          "evaluation.interpreters is \(node.shown), expected single-pass, all, or a list of at "
            + "most 100, e.g. [{name: simple-grad}]", at: node.origin)
        return nil
      }
      var interpreters: [InterpreterSpecification] = []
      for (index, node) in nodes.enumerated() {
        let path = "evaluation.interpreters[\(index)]"
        let element = RecipeSection(
          node, path: path, schema: "evaluation.interpreters[]", folder: root.folder,
          problems: problems)
        if let specification = interpreter(element) { interpreters.append(specification) }
      }
      if Set(interpreters).count < interpreters.count {
        problems.add(
          "evaluation.interpreters has an interpreter twice",
          at: section.origin(of: "interpreters"))
      }
      further = .these(interpreters)
    }
    return evaluation(further)
  }

  func report() -> ReportSection? {
    let section = root.section("report")
    if kind == .training, root.has("report") {
      problems.add(
        "report is for trompe fool: training a classifier explains nothing",
        at: root.origin(of: "report"))
    }
    return section.value(RecipeKeys.Report.images).map { ReportSection(images: $0) }
  }

  func compute() -> ComputeSection {
    let section = root.section("compute")
    return ComputeSection(
      threads: section.value(RecipeKeys.Compute.threads),
      winograd: section.value(RecipeKeys.Compute.winograd) ?? true,
      precision: section.value(RecipeKeys.Compute.precision) ?? .float32,
      memory: section.value(RecipeKeys.Compute.memory) ?? .normal,
      samplesAtOnce: section.value(RecipeKeys.Compute.samplesAtOnce))
  }

  func output() -> OutputSection {
    let section = root.section("output")
    return OutputSection(
      layout: section.value(RecipeKeys.Output.layout),
      tensorboard: section.value(RecipeKeys.Output.tensorboard) ?? false)
  }
}
