import Explanations
import ImageData
import Networks
import TensorRuntime

extension FoolingRecipe {
  /// The recipe with every default written out; reading it gives an equal value. Only what has no
  /// value of its own, such as one thread for each core, stays left out.
  public func resolvedYAML() -> String {
    var writer = RecipeWriter()
    writer.write(network)
    // Others have no use for composites, and reading refuses what is of no use.
    let isActive = (try? FoolingKind.named(fooling.name))?.options.contains(.classes) == true
    writer.write(data, composites: isActive ? data.composites : .paper)
    writer.write(fooling)
    writer.put(RecipeKeys.control, control)
    writer.write(interpreter)
    writer.write(training)
    writer.write(evaluation)
    writer.put(RecipeKeys.Report.images, report.images)
    writer.write(compute)
    writer.put(RecipeKeys.Output.layout, output.layout)
    writer.put(RecipeKeys.Output.tensorboard, output.tensorboard)
    return writer.text
  }
}

extension TrainingRecipe {
  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var writer = RecipeWriter()
    writer.write(network)
    writer.write(data, composites: .paper)
    writer.write(training)
    writer.put(RecipeKeys.Evaluation.batchSize, evaluation.batchSize)
    writer.write(compute)
    writer.put(RecipeKeys.Output.layout, output.layout)
    writer.put(RecipeKeys.Output.tensorboard, output.tensorboard)
    return writer.text
  }
}

struct RecipeWriter {
  private(set) var root = RecipeNode(.mapping([]))
  var text: String { RecipeYAML.block(root) }

  mutating func put<Value>(_ key: RecipeKey<Value>, _ value: Value?) {
    if let value { put(key.description.path, key.form.write(value)) }
  }

  mutating func put(_ path: String, _ node: RecipeNode) {
    root.set(path.split(separator: ".").map(String.init)[...], to: node, at: .whole)
  }

  mutating func write(_ network: NetworkSection) {
    put(RecipeKeys.Network.checkpoint, network.checkpoint)
    if let architecture = network.architecture {
      typealias Keys = RecipeKeys.Architecture
      put(Keys.family, architecture.family)
      put(Keys.classes, architecture.classes)
      put(Keys.height, architecture.height)
      put(Keys.width, architecture.width)
      put(Keys.channels, architecture.channels)
      put(Keys.plan, architecture.plan)
      put(Keys.batchNorm, architecture.batchNorm)
      put(Keys.classifier, architecture.classifier)
      put(Keys.widths, architecture.widths)
      put(Keys.blocks, architecture.blocks)
      put(Keys.graph, architecture.graph)
    }
    if let preprocessing = network.preprocessing {
      typealias Keys = RecipeKeys.PreprocessingKeys
      put(Keys.resize, preprocessing.resize)
      put(Keys.crop, preprocessing.centerCrop)
      if network.saysNormalization {
        put(Keys.channelOrder, preprocessing.channelOrder)
        put(Keys.mean, preprocessing.mean)
        put(Keys.standardDeviation, preprocessing.standardDeviation)
      }
    }
    put(RecipeKeys.Network.classNames, network.classNames)
  }

  mutating func write(_ data: DataSection, composites: DataSection.Composites) {
    switch data.source {
    case .folders(let train, let validation):
      put(RecipeKeys.Data.train, train)
      put(RecipeKeys.Data.validation, validation)
    case .shapes(let train, let validation, let seed):
      put(RecipeKeys.Shapes.train, train)
      put(RecipeKeys.Shapes.validation, validation)
      put(RecipeKeys.Shapes.seed, seed)
    }
    typealias Keys = RecipeKeys.AugmentationKeys
    switch data.augmentation {
    case .none: put(Keys.path, .plain("none"))
    case .flip: put(Keys.path, .plain("flip"))
    case let augmentation:
      switch augmentation.crop {
      case .none: break
      case .randomResized(let scale, let ratio):
        put(Keys.scale, scale)
        put(Keys.ratio, ratio)
      case .padded(let padding): put(Keys.pad, padding)
      }
      put(Keys.flip, augmentation.flipProbability)
    }
    if composites != .paper {
      switch composites {
      case .tiles(let train, let validation, let seed):
        put(RecipeKeys.Composites.train, train)
        put(RecipeKeys.Composites.validation, validation)
        put(RecipeKeys.Composites.seed, seed)
      case .folders(let train, let validation):
        put(RecipeKeys.Composites.trainFolder, train)
        put(RecipeKeys.Composites.validationFolder, validation)
      }
    }
    put(RecipeKeys.Data.threads, data.threads)
  }

  mutating func write(_ fooling: FoolingSpecification) {
    put(RecipeKeys.Fooling.name, fooling.name)
    put(RecipeKeys.Fooling.lambda, fooling.lambda)
    put(RecipeKeys.Fooling.variant, fooling.variant)
    put(RecipeKeys.Fooling.frameWidth, fooling.frameWidth)
    put(RecipeKeys.Fooling.mask, fooling.mask)
    put(RecipeKeys.Fooling.k, fooling.k)
    put(RecipeKeys.Fooling.classes, fooling.classes)
    put(RecipeKeys.Fooling.threshold, fooling.threshold)
  }

  mutating func write(_ training: TrainingSection) {
    typealias Keys = RecipeKeys.Training
    switch training.optimizer {
    case .adam(let beta1, let beta2, let epsilon, let weightDecay):
      put(Keys.optimizer, .adam)
      put(Keys.learningRate, training.learningRate)
      put(Keys.weightDecay, weightDecay)
      put(Keys.beta1, beta1)
      put(Keys.beta2, beta2)
      put(Keys.epsilon, epsilon)
    case .sgd(let momentum, let weightDecay, let nesterov):
      put(Keys.optimizer, .sgd)
      put(Keys.learningRate, training.learningRate)
      put(Keys.weightDecay, weightDecay)
      put(Keys.momentum, momentum)
      put(Keys.nesterov, nesterov)
    }
    put(Keys.schedule, training.schedule)
    put(Keys.warmupSteps, training.warmupSteps)
    switch training.duration {
    case .steps(let steps): put(Keys.steps, steps)
    case .epochs(let epochs): put(Keys.epochs, epochs)
    }
    put(Keys.batchSize, training.batchSize)
    put(Keys.seed, training.seed)
    put(Keys.logEvery, training.logEvery)
    put(Keys.validateEvery, training.validateEvery)
    put(Keys.validateImages, training.validateImages)
    put(Keys.saveEvery, training.saveEvery)
    put(Keys.keepStates, training.keepStates)
    if training.freezesBatchNorm { put(Keys.freezesBatchNorm, true) }
    if let adversarial = training.adversarial {
      typealias Keys = RecipeKeys.Adversarial
      put(Keys.norm, adversarial.norm)
      put(Keys.epsilon, adversarial.epsilon)
      put(Keys.stepSize, adversarial.stepSize)
      put(Keys.iterations, adversarial.iterations)
    }
    guard !training.regularizers.isEmpty else { return }
    let nodes = training.regularizers.map { regularizer in
      typealias Keys = RecipeKeys.Regularizer
      var entries = [
        (Keys.name.name, Keys.name.form.write(regularizer.name)),
        (Keys.weight.name, Keys.weight.form.write(regularizer.weight)),
      ]
      if let iterations = regularizer.iterations {
        entries.append((Keys.iterations.name, Keys.iterations.form.write(iterations)))
      }
      if let step = regularizer.step {
        entries.append((Keys.step.name, Keys.step.form.write(step)))
      }
      return RecipeNode.mapping(entries)
    }
    put("training.regularizers", .list(nodes))
  }

  mutating func write(_ interpreter: InterpreterSpecification) {
    let keys = RecipeKeys.Interpreter.fooled
    put(keys.name, interpreter.name)
    put(keys.layer, interpreter.layer)
    put(keys.composite, interpreter.composite)
    put(keys.batchNorm, interpreter.batchNorm)
    put(keys.leak, interpreter.leak)
    put(keys.samples, interpreter.samples)
    put(keys.sigma, interpreter.sigma)
    put(keys.sigmaUnit, interpreter.sigmaUnit)
    put(keys.radius, interpreter.radius)
    put(keys.standardDeviation, interpreter.standardDeviation)
    put(keys.steps, interpreter.steps)
    put(keys.seed, interpreter.seed)
    put(keys.softplus, interpreter.softplus)
  }

  mutating func write(_ compute: ComputeSection) {
    put(RecipeKeys.Compute.threads, compute.threads)
    put(RecipeKeys.Compute.winograd, compute.winograd)
    put(RecipeKeys.Compute.precision, compute.precision)
    put(RecipeKeys.Compute.memory, compute.memory)
    put(RecipeKeys.Compute.samplesAtOnce, compute.samplesAtOnce)
  }

  mutating func write(_ evaluation: EvaluationSection) {
    put(RecipeKeys.Evaluation.batchSize, evaluation.batchSize)
    switch evaluation.interpreters {
    case .transfer(let kinds):
      put("evaluation.interpreters", RecipeNode(.scalar(kinds.rawValue, isPlain: true)))
    case .these(let interpreters):
      let nodes = interpreters.map { interpreter in
        var single = RecipeWriter()
        single.write(interpreter)
        return single.root["interpreter"] ?? .mapping([])
      }
      put("evaluation.interpreters", .list(nodes))
    }
    put(RecipeKeys.Evaluation.grid, evaluation.grid)
  }
}
