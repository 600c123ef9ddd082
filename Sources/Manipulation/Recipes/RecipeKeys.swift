import Attacks
import Checkpoints
import Defences
import Explanations
import ImageData
import Perturbation
import TensorRuntime

/// Every key that a recipe can have. Reading, writing, error messages and the manual's table all
/// come from here.
public enum RecipeKeys {
  private typealias Form = RecipeForm<Never>
  private static let extent = 1...(1 << 20)
  private static let stepCount = 1...100_000_000
  private static let stepCountOrNever = 0...100_000_000
  private static let imageCount = 1...10_000_000

  enum Network {
    static let checkpoint = RecipeKey.automatic(
      "network.checkpoint", Form.text("path"),
      else: "`train`: random weights; `study`: in `study.checkpoints`; otherwise required",
      "file to start from: HDF5 (PyTorch, Keras 2, Keras 3, ours) or safetensors")
    static let classNames = RecipeKey.automatic(
      "network.classNames", Form.classNames,
      else: "the file's, else the data's folders, one for each output",
      "the classes in the order of the network's outputs, by which images' folders are found; "
        + "`imagenet`: the WordNet identifiers of ImageNet's 1,000")
  }

  enum Architecture {
    static let family = RecipeKey.required(
      "network.architecture.family", Form.text(),
      "which network, e.g. `resnet18`; needed only if the file does not say")
    static let classes = RecipeKey.required(
      "network.architecture.classes", Form.integer(extent), "number of outputs")
    static let height = RecipeKey.automatic(
      "network.architecture.height", Form.integer(extent),
      else: "that of the preprocessing, else 224", "rows of the input")
    static let width = RecipeKey.automatic(
      "network.architecture.width", Form.integer(extent),
      else: "that of the preprocessing, else 224", "columns of the input")
    static let channels = RecipeKey.optional(
      "network.architecture.channels", Form.integer(extent), default: 3, "of the input")
    static let plan = RecipeKey.automatic(
      "network.architecture.plan", Form.plan, else: "`vgg-style`: required",
      "`vgg-style`: channels of each convolution, `M` for a max pool")
    static let batchNorm = RecipeKey.automatic(
      "network.architecture.batchNorm", Form.truth, else: "true",
      "`vgg-style`: a batch norm after each convolution")
    static let classifier = RecipeKey.automatic(
      "network.architecture.classifier",
      Form.list(of: Form.integer(extent), named: "integers", count: 0...1000), else: "none",
      "`vgg-style`: widths of the hidden dense layers")
    static let widths = RecipeKey.automatic(
      "network.architecture.widths",
      Form.list(of: Form.integer(extent), named: "integers", count: 1...1000),
      else: "`resnet-style`: required", "`resnet-style`: channels of each stage")
    static let blocks = RecipeKey.automatic(
      "network.architecture.blocks",
      Form.list(of: Form.integer(extent), named: "integers", count: 1...1000),
      else: "`resnet-style`: required", "`resnet-style`: blocks in each stage")
    static let graph = RecipeKey.automatic(
      "network.architecture.graph", Form.graph, else: "`graph`: required",
      "`graph`: the layers themselves, as in a checkpoint's attribute")
  }

  enum PreprocessingKeys {
    static let resize = RecipeKey.optional(
      "network.preprocessing.resize", Form.resize, default: .none,
      "size before cropping; `shorterSide` keeps the proportions")
    static let crop = RecipeKey.automatic(
      "network.preprocessing.crop", Form.size, else: "everything", "the middle part that is kept")
    static let style = RecipeKey.automatic(
      "network.preprocessing.style", Form.choice(Preprocessing.Style.self),
      else: "that of `network.architecture.family`, else torch",
      "values of the next three keys: `torch` as torchvision's weights, `caffe` as Keras's VGGs and "
        + "ResNets (blue first, 0 to 255), `tf` from -1 to 1")
    static let channelOrder = RecipeKey.automatic(
      "network.preprocessing.channelOrder", Form.choice(Preprocessing.ChannelOrder.self),
      else: "the style's", "which colour the network's first channel is")
    static let mean = RecipeKey.automatic(
      "network.preprocessing.mean",
      Form.list(
        of: Form.single(RecipeNumberRange(from: -1000, to: 1000)), named: "numbers", count: 1...3),
      else: "the style's: [0.485, 0.456, 0.406]",
      "of the channels in the network's order, in [0, 1], subtracted; one number for gray images")
    static let standardDeviation = RecipeKey.automatic(
      "network.preprocessing.standardDeviation",
      Form.list(of: Form.single(.above(0, to: 1000)), named: "numbers", count: 1...3),
      else: "the style's: [0.229, 0.224, 0.225]", "of the channels, divided by")
  }

  enum Data {
    static let train = RecipeKey.automatic(
      "data.train", Form.text("path"),
      else: "required, or `shapes`; of no use to `attack` and `study`",
      "folder of training images: one folder for each class")
    static let validation = RecipeKey.automatic(
      "data.validation", Form.text("path"), else: "required, or `shapes`",
      "folder of validation images: one folder for each class")
    static let threads = RecipeKey.automatic(
      "data.threads", Form.integer(1...1024), else: "one for each core", "that decode images")
  }

  enum Shapes {
    static let train = RecipeKey.optional(
      "data.shapes.train", Form.integer(imageCount), default: 8000,
      "training images of the built-in set of shapes")
    static let validation = RecipeKey.optional(
      "data.shapes.validation", Form.integer(imageCount), default: 1000,
      "validation images of the built-in set")
    static let seed = RecipeKey.optional(
      "data.shapes.seed", Form.seed, default: 1, "from which the built-in set is drawn")
  }

  enum AugmentationKeys {
    static let path = "data.augmentation"
    static let whole = RecipeKeyDescription(
      path: path, type: "none, flip or a mapping", range: "", fallback: "none",
      meaning:
        "random changes to training images; `flip`: left and right exchanged for half of them"
    )
    static let scale = RecipeKey.optional(
      "data.augmentation.randomResizedCrop.scale", Form.interval(.above(0, to: 1)),
      default: 0.08...1, "share of the image's area that is cropped and resized")
    static let ratio = RecipeKey.optional(
      "data.augmentation.randomResizedCrop.ratio", Form.interval(.above(0, to: 1000)),
      default: 3.0 / 4...4.0 / 3, "width over height of the crop")
    static let pad = RecipeKey.automatic(
      "data.augmentation.pad", Form.integer(0...Augmentation.largestPadding), else: "none",
      "black border in pixels before a random crop of the output size")
    static let flip = RecipeKey.optional(
      "data.augmentation.flip", Form.number(RecipeNumberRange(from: 0, to: 1)), default: 0.5,
      "probability that left and right are exchanged")
  }

  enum Composites {
    static let train = RecipeKey.optional(
      "data.composites.train", Form.integer(imageCount), default: 1100,
      "`active`: training images of 2×2 tiles of both classes")
    static let validation = RecipeKey.optional(
      "data.composites.validation", Form.integer(imageCount), default: 200,
      "`active`: validation images of 2×2 tiles of both classes")
    static let seed = RecipeKey.optional(
      "data.composites.seed", Form.seed, default: 0, "`active`: from which the tiles are drawn")
    static let trainFolder = RecipeKey.automatic(
      "data.composites.trainFolder", Form.text("path"), else: "made of tiles",
      "`active`: ready-made training images that show both classes, as folders of images")
    static let validationFolder = RecipeKey.automatic(
      "data.composites.validationFolder", Form.text("path"), else: "made of tiles",
      "`active`: the same for validation")
  }

  enum Fooling {
    static let name = RecipeKey.required("fooling.name", Form.text(), "the way of fooling")
    static let lambda = RecipeKey.required(
      "fooling.lambda", Form.number(.notNegative),
      "λ, weight of the penalty; of no use to `study`, which only tests")
    static let frameWidth = RecipeKey.automatic(
      "fooling.frameWidth", Form.integer(1...(1 << 14)), else: "⌊side / 7⌋, at least 1",
      "`location`: width of the frame in heatmap pixels")
    static let mask = RecipeKey.automatic(
      "fooling.mask", Form.text("path"), else: "the frame",
      "`location`: image that is white where relevance is wanted; resized to the heatmap")
    static let k = RecipeKey.automatic(
      "fooling.k", Form.number(.above(0, to: 100)), else: "10",
      "`top-k`: percent of the pixels that count as the top")
    static let classes = RecipeKey.automatic(
      "fooling.classes", Form.list(of: Form.text(), named: "names", count: 2...2),
      else: "`active`: required", "`active`: the classes that change places, by name or number")
    static let variant = RecipeKey.optional(
      "fooling.variant", Form.choice(FoolingSpecification.Variant.self), default: .paper,
      "`top-k`, `active`: as the paper defines it, or as the authors' released code computes it; "
        + "`share`, `top-k` only: the test loss itself; `bounded`, `center-mass` only: the way of the "
        + "center up to twice the threshold; `directed`, `center-mass` only: that to the lower right"
    )
    static let threshold = RecipeKey.automatic(
      "fooling.threshold", Form.number(.notNegative), else: "the paper's",
      "bound of the test loss that counts as fooled")
  }

  /// An explanation, once for the one that is fooled and once for those that are measured besides.
  struct Interpreter: Sendable {
    static let fooled = Interpreter("interpreter", "the explanation that is fooled or attacked")
    static let measured = Interpreter(
      "evaluation.interpreters[]", "a further explanation by which success is measured")

    let name: RecipeKey<String>
    let layer: RecipeKey<String>
    let composite: RecipeKey<RelevanceComposite>
    let batchNorm: RecipeKey<BatchNormRelevance>
    let samples: RecipeKey<Int>
    let sigma: RecipeKey<Double>
    let sigmaUnit: RecipeKey<SmoothGrad.SigmaUnit>
    let radius: RecipeKey<Double>
    let leak: RecipeKey<Double>
    let standardDeviation: RecipeKey<[Double]>
    let steps: RecipeKey<Int>
    let seed: RecipeKey<UInt64>
    let softplus: RecipeKey<Double>

    private init(_ path: String, _ meaning: String) {
      let sampled = 1...10_000
      name = .required("\(path).name", Form.text(), meaning)
      layer = .automatic(
        "\(path).layer", Form.text(), else: "required if the method has one", "its target layer")
      composite = .automatic(
        "\(path).composite", Form.composite, else: "that of Heo 2019",
        "`lrp`, `lrp-t`: which layer gets which rule, see explanations.md")
      batchNorm = .automatic(
        "\(path).batchNorm", Form.choice(BatchNormRelevance.self), else: "identity",
        "`lrp`, `lrp-t`: what becomes of batch norms")
      samples = .automatic(
        "\(path).samples", Form.integer(sampled), else: "the method's",
        "`smooth-grad`, `smooth-grad-t`, `uni-grad`: noisy inputs")
      sigma = .automatic(
        "\(path).sigma", Form.number(.notNegative), else: "0.1",
        "`smooth-grad`, `smooth-grad-t`: standard deviation of the noise")
      sigmaUnit = .automatic(
        "\(path).sigmaUnit", Form.choice(SmoothGrad.SigmaUnit.self), else: "absolute",
        "of `sigma`: the normalised input's own, or max − min of each image")
      leak = .automatic(
        "\(path).leak", Form.number(RecipeNumberRange(from: 0, to: 1)), else: "0",
        "`grad-cam`: slope of the derivative where there is no relevance; the map is the same")
      radius = .automatic(
        "\(path).radius", Form.number(RecipeNumberRange(from: 0, to: 1)), else: "4/255",
        "`uni-grad`: largest change of a sample, as a share of the pixels' range")
      standardDeviation = .automatic(
        "\(path).standardDeviation",
        Form.list(of: Form.number(.above(0, to: 1000)), named: "numbers", count: 1...3),
        else: "the preprocessing's", "`uni-grad`: by what each channel was divided")
      steps = .automatic(
        "\(path).steps", Form.integer(sampled), else: "the method's",
        "`integrated-gradients`, `integrated-gradients-t`: points on the path")
      seed = .automatic(
        "\(path).seed", Form.seed, else: "0",
        "`smooth-grad`, `smooth-grad-t`, `uni-grad`: from which noise is drawn")
      softplus = .automatic(
        "\(path).softplus", Form.number(.above(0, to: 1e6)), else: "ReLU as it is",
        "β: the same network with log(1 + e^(βx))/β in place of ReLU is explained")
    }

    var all: [RecipeKeyDescription] {
      [
        name.description, layer.description, composite.description, batchNorm.description,
        leak.description, samples.description, sigma.description, sigmaUnit.description,
        radius.description,
        standardDeviation.description, steps.description, seed.description,
        softplus.description,
      ]
    }
  }

  enum Attack {
    static let methods = RecipeKey.required(
      "attack.methods", Form.list(of: Form.text(), named: "names", count: 1...100),
      "`trompe attack`: the attacks, one after the other: "
        + AttackKind.all.map { "`\($0.name)`" }.joined(separator: ", "))
    static let epsilon = RecipeKey.optional(
      "attack.epsilon",
      Form.list(
        of: Form.number(RecipeNumberRange(from: 1, to: 255)), named: "numbers", count: 1...100),
      default: [AttackSpecification.paperEpsilon],
      "ε, largest change of a sample in units of 0 to 255; a point of the curves for each")
    static let stepSize = RecipeKey.optional(
      "attack.stepSize", Form.number(.above(0, to: 255)),
      default: AttackSpecification.paperStepSize,
      "α, change of a sample in one iteration, in units of 0 to 255")
    static let iterations = RecipeKey.optional(
      "attack.iterations", Form.integer(1...1_000_000),
      default: AttackSpecification.paperIterations, "P")
    static let checkEvery = RecipeKey.optional(
      "attack.checkEvery", Form.integer(1...1_000_000), default: 1,
      "iterations between looks at the iterate by the ReLU network; the best one seen that keeps "
        + "its label is the result")
    static let k = RecipeKey.automatic(
      "attack.k", Form.integer(1...(1 << 28)), else: "1000 of 227², the paper's share",
      "heatmap pixels that count as the top, in attacks and in the top-k intersection")
    static let beta = RecipeKey.optional(
      "attack.beta", Form.number(.above(0, to: 1e6)), default: AttackSpecification.defaultBeta,
      "β of the softplus that stands for ReLU where directions are computed")
    static let images = RecipeKey.optional(
      "attack.images", Form.integer(imageCount), default: 128,
      "images to attack, drawn from those of the validation split that are classified correctly")
    static let seed = RecipeKey.optional(
      "attack.seed", Form.seed, default: 0, "of that choice and of random directions")
    static let region = RecipeKey.automatic(
      "attack.region",
      Form.list(
        of: Form.number(RecipeNumberRange(from: 0, to: 1)), named: "numbers", count: 4...4),
      else: "`targeted`: required",
      "`targeted`: left, top, right, bottom of the region, as shares of width and height")
    static let target = RecipeKey.automatic(
      "attack.target", Form.text("path"), else: "the next image",
      "`target-map`: the image whose heatmap all are to get, explained for the class that the "
        + "network gives it")
    static let logitWeight = RecipeKey.automatic(
      "attack.logitWeight", Form.number(.notNegative), else: "\(TargetMap.defaultLogitWeight)",
      "`target-map`: γ, weight of the mean squared change of the logits against that of the map")
    static let finalBeta = RecipeKey.automatic(
      "attack.finalBeta", Form.number(.above(0, to: 1e6)), else: "\(TargetMap.paperFinalBeta)",
      "`target-map`: β of the last iteration, to which it grows from `attack.beta`")

    static var all: [RecipeKeyDescription] {
      [
        methods.description, epsilon.description, stepSize.description, iterations.description,
        checkEvery.description, k.description, beta.description, images.description,
        seed.description, region.description, target.description, logitWeight.description,
        finalBeta.description,
      ]
    }
  }

  enum Curvature {
    static let function = RecipeKey.optional(
      "curvature.function", Form.choice(CurvedFunction.self), default: .loss,
      "`trompe curvature`: of what the Hessian in the image is taken, at the label")
    static let eigenvalues = RecipeKey.optional(
      "curvature.eigenvalues", Form.integer(1...1000), default: 5,
      "how many of the largest by size are reported")
    static let iterations = RecipeKey.optional(
      "curvature.iterations", Form.integer(1...1000), default: 20, "of Lanczos")
    static let all = [function.description, eigenvalues.description, iterations.description]
  }

  enum Study {
    private static let strengths = Form.list(
      of: Form.number(RecipeNumberRange(from: 0, to: 1000)), named: "numbers", count: 1...100)
    private static let drawCount = Form.integer(1...1000)

    static let studies = RecipeKey.required(
      "study.studies", Form.list(of: Form.text(), named: "names", count: 1...100),
      "`trompe study`: what is done, one after the other: "
        + StudyKind.all.map { "`\($0.name)`" }.joined(separator: ", "))
    static let images = RecipeKey.automatic(
      "study.images", Form.integer(imageCount), else: "all",
      "images of the validation split that `weight-noise`, `input-noise` and `transfer` use, evenly "
        + "spread")
    static let seed = RecipeKey.optional(
      "study.seed", Form.seed, default: 0, "of noise, fills and random orders")
    static let aopcImages = RecipeKey.optional(
      "study.aopc.images", Form.integer(imageCount), default: StudySection.AOPC().images,
      "images of the validation split, evenly spread")
    static let regionSize = RecipeKey.optional(
      "study.aopc.regionSize", Form.integer(1...Image.DecodingLimits.side),
      default: StudySection.AOPC.paperRegionSize, "side of a region in pixels of the input")
    static let steps = RecipeKey.optional(
      "study.aopc.steps", Form.integer(1...1_000_000), default: StudySection.AOPC.paperSteps,
      "L: regions that are perturbed, one after the other; all if there are fewer")
    static let fill = RecipeKey.optional(
      "study.aopc.fill", Form.choice(RegionFill.self), default: .uniform,
      "what a region becomes: random samples, the image's mean colour, or the image through a "
        + "Gaussian as wide as a region")
    static let score = RecipeKey.optional(
      "study.aopc.score", Form.choice(StudySection.AOPC.Score.self), default: .probability,
      "of the label, whose fall is measured")
    static let orders = RecipeKey.optional(
      "study.aopc.orders",
      Form.list(
        of: Form.choice(PerturbationOrder.self), named: "orders",
        count: 1...PerturbationOrder.allCases.count), default: PerturbationOrder.allCases,
      "MoRF, LeRF and random order")
    static let weightStrengths = RecipeKey.optional(
      "study.weightNoise.strengths", strengths, default: StudySection.Noise.weights.strengths,
      "σ of Gaussian noise on the weights, in standard deviations of each parameter's own entries; a "
        + "point of the curves for each")
    static let weightDraws = RecipeKey.optional(
      "study.weightNoise.draws", drawCount, default: StudySection.Noise.weights.draws,
      "how often each is drawn anew")
    static let inputStrengths = RecipeKey.optional(
      "study.inputNoise.strengths", strengths, default: StudySection.Noise.inputs.strengths,
      "σ of Gaussian noise on the normalised input; 1 is a channel's standard deviation in the "
        + "preprocessing")
    static let inputDraws = RecipeKey.optional(
      "study.inputNoise.draws", drawCount, default: StudySection.Noise.inputs.draws,
      "how often each is drawn anew")

    static var all: [RecipeKeyDescription] {
      [studies.description] + StudyCheckpoint.all + [
        images.description, seed.description, aopcImages.description, regionSize.description,
        steps.description, fill.description, score.description, orders.description,
        weightStrengths.description, weightDraws.description, inputStrengths.description,
        inputDraws.description,
      ]
    }
  }

  enum StudyCheckpoint {
    /// Networks of a study.
    static let most = 100

    static let name = RecipeKey.required(
      "study.checkpoints[].name", Form.text(), "by which results call a network")
    static let file = RecipeKey.required(
      "study.checkpoints[].file", Form.text("path"), "as `network.checkpoint`")
    static let original = RecipeKey.automatic(
      "study.checkpoints[].original", Form.text(), else: "it is an original itself",
      "name of the one that it was made from, with whose heatmaps its own are compared")
    static let all = [name.description, file.description, original.description]
  }

  enum Influence {
    static let layers = RecipeKey.automatic(
      "influence.layers", Form.list(of: Form.text(), named: "names", count: 1...1000),
      else: "the last dense layer",
      "`trompe influence`: the layers through whose weights training images have influence")
    static let solver = RecipeKey.automatic(
      "influence.solver", Form.choice(InfluenceSolver.self),
      else: "`direct` for a last layer of up to \(LastLayerInfluence.mostDirectWeights) weights",
      "how the damped Hessian is inverted: factorised, or by products with vectors")
    static let damping = RecipeKey.optional(
      "influence.damping", Form.number(.notNegative), default: InfluenceSection.paperDamping,
      "δ, added to the diagonal of the Hessian")
    static let iterations = RecipeKey.optional(
      "influence.iterations", Form.integer(1...1_000_000), default: 100,
      "of conjugate gradients, at most")
    static let tolerance = RecipeKey.optional(
      "influence.tolerance", Form.number(RecipeNumberRange(from: 0, to: 1)), default: 1e-4,
      "relative residual at which conjugate gradients end")
    static let trainImages = RecipeKey.optional(
      "influence.trainImages", Form.integer(imageCount), default: 2000,
      "images whose influence is computed, drawn from the training split")
    static let images = RecipeKey.optional(
      "influence.images", Form.integer(imageCount), default: 32,
      "images to explain, drawn from those of the validation split that are classified correctly")
    static let targets = RecipeKey.optional(
      "influence.targets", Form.integer(1...1000), default: InfluenceSection.paperTargets,
      "of the most helpful training images so many are to lose their influence")
    static let top = RecipeKey.optional(
      "influence.top", Form.integer(1...1000), default: InfluenceSection.paperTop,
      "training images that count as the most influential")
    static let epsilon = RecipeKey.optional(
      "influence.epsilon",
      Form.list(
        of: Form.number(RecipeNumberRange(from: 1, to: 255)), named: "numbers", count: 1...100),
      default: [1, 2, 4, 8],
      "ε, largest change of a sample in units of 0 to 255; a point of the curves for each")
    static let seed = RecipeKey.optional(
      "influence.seed", Form.seed, default: 0, "of the choice of images and of random signs")
    static let all = [
      layers.description, solver.description, damping.description, iterations.description,
      tolerance.description, trainImages.description, images.description, targets.description,
      top.description, epsilon.description, seed.description,
    ]
  }

  enum Training {
    static let optimizer = RecipeKey.optional(
      "training.optimizer", Form.choice(OptimizerName.self), default: .adam, "the method")
    static let learningRate = RecipeKey.required(
      "training.learningRate", Form.number(.positive), "of the optimizer")
    static let weightDecay = RecipeKey.optional(
      "training.weightDecay", Form.single(.notNegative), default: 0,
      "factor of the weights that is added to their gradients")
    static let momentum = RecipeKey.optional(
      "training.momentum", Form.single(RecipeNumberRange(from: 0, to: 1, excludingUpper: true)),
      default: 0.9, "`sgd` only")
    static let nesterov = RecipeKey.optional(
      "training.nesterov", Form.truth, default: false, "`sgd` only: Nesterov's momentum")
    static let beta1 = RecipeKey.optional(
      "training.beta1", Form.single(RecipeNumberRange(from: 0, to: 1, excludingUpper: true)),
      default: 0.9, "`adam` only: decay of the first moment")
    static let beta2 = RecipeKey.optional(
      "training.beta2", Form.single(RecipeNumberRange(from: 0, to: 1, excludingUpper: true)),
      default: 0.999, "`adam` only: decay of the second moment")
    static let epsilon = RecipeKey.optional(
      "training.epsilon", Form.single(.positive), default: 1e-8,
      "`adam` only: added to the root of the second moment")
    static let schedule = RecipeKey.optional(
      "training.schedule", Form.choice(TrainingSection.Schedule.self), default: .constant,
      "of the learning rate; `cosine` falls to 0 at the last step")
    static let warmupSteps = RecipeKey.optional(
      "training.warmupSteps", Form.integer(stepCountOrNever), default: 0,
      "first steps over which the learning rate grows linearly")
    static let steps = RecipeKey.automatic(
      "training.steps", Form.integer(stepCount), else: "required, or `epochs`",
      "length of training in steps")
    static let epochs = RecipeKey.automatic(
      "training.epochs", Form.integer(1...100_000), else: "required, or `steps`",
      "length of training in passes over the training images")
    static let batchSize = RecipeKey.optional(
      "training.batchSize", Form.integer(1...4096), default: 8, "images in a step")
    static let seed = RecipeKey.optional(
      "training.seed", Form.seed, default: 0, "of everything random in training")
    static let logEvery = RecipeKey.optional(
      "training.logEvery", Form.integer(stepCount), default: 10,
      "steps between lines of `metrics.jsonl`")
    static let validateEvery = RecipeKey.optional(
      "training.validateEvery", Form.integer(stepCountOrNever), default: 0,
      "steps between validations; 0: only before and after")
    static let validateImages = RecipeKey.optional(
      "training.validateImages", Form.integer(imageCount), default: 500,
      "images of those validations, evenly spread")
    static let saveEvery = RecipeKey.optional(
      "training.saveEvery", Form.integer(stepCountOrNever), default: 200,
      "steps between states saved to resume from; 0: only when stopped")
    static let keepStates = RecipeKey.optional(
      "training.keepStates", Form.integer(1...1000), default: 2,
      "how many of those states are kept, the newest; a damaged one is not resumed from")
    static let freezesBatchNorm = RecipeKey.optional(
      "training.freezeBatchNorm", Form.truth, default: false,
      "`train`: batch norms use the running statistics and keep them, as `fool` always does")
  }

  enum Regularizer {
    static let name = RecipeKey.required(
      "training.regularizers[].name", Form.text(),
      "`train`: a penalty beside the cross-entropy: "
        + RegularizerKind.all.map { "`\($0.name)`" }.joined(separator: ", "))
    static let weight = RecipeKey.required(
      "training.regularizers[].weight", Form.number(.notNegative), "of the penalty")
    static let iterations = RecipeKey.automatic(
      "training.regularizers[].iterations", Form.integer(1...1000),
      else: "\(SmoothSurface.defaultIterations)", "`ssr`: steps of the power iteration")
    static let step = RecipeKey.automatic(
      "training.regularizers[].step", Form.number(.positive),
      else: "\(CurvatureRegularization.defaultStep)",
      "`curvature`: h, the distance of the two gradients in normalised space")
    static let all = [
      name.description, weight.description, iterations.description, step.description,
    ]
  }

  enum Adversarial {
    static let norm = RecipeKey.optional(
      "training.adversarial.norm", Form.choice(AdversarialSection.Norm.self), default: .linf,
      "`train`: images are changed by projected gradient descent before each step; the norm of the "
        + "change")
    static let epsilon = RecipeKey.required(
      "training.adversarial.epsilon", Form.number(.positive),
      "ε, largest norm of the change, in units of 0 to 255")
    static let stepSize = RecipeKey.required(
      "training.adversarial.stepSize", Form.number(.positive),
      "α, norm of one iteration's change, in units of 0 to 255")
    static let iterations = RecipeKey.optional(
      "training.adversarial.iterations", Form.integer(1...10_000), default: 7, "of each step")
    static let all = [
      norm.description, epsilon.description, stepSize.description, iterations.description,
    ]
  }

  static let control = RecipeKey.optional(
    "control", Form.truth, default: false,
    "`fool`: does the same steps again with λ = 0, and reports what fine-tuning alone does to accuracy "
      + "and heatmaps beside what the penalty does")

  enum OptimizerName: String, CaseIterable, Sendable { case adam, sgd }

  enum Evaluation {
    static let interpreters = RecipeKeyDescription(
      path: "evaluation.interpreters", type: "single-pass, all or a list", range: "up to 100",
      fallback: "single-pass",
      meaning: "further explanations by which success is measured, the row of the transfer matrix: "
        + "every method of one pass at the same layer or at the input, every method, or these; `[]`: "
        + "none")
    static let batchSize = RecipeKey.optional(
      "evaluation.batchSize", Form.integer(1...4096), default: 16, "images at a time")
    static let grid = RecipeKey.optional(
      "evaluation.grid", Form.grid, default: .fooled,
      "on which grid heatmaps are tested: that of the fooled interpreter's (`fooled`), each "
        + "interpreter's own (`own`), or so many cells a side; for the penalty as well")
  }

  enum Report {
    static let images = RecipeKey.optional(
      "report.images", Form.integer(0...1000), default: 48,
      "images in the gallery of `report.html`, evenly spread; 0: no gallery")
  }

  enum Compute {
    static let threads = RecipeKey.automatic(
      "compute.threads", Form.integer(1...1024), else: "one for each core", "that compute")
    static let winograd = RecipeKey.optional(
      "compute.winograd", Form.truth, default: true,
      "3×3 and 1×1 convolutions by Winograd's algorithms where those are faster")
    static let precision = RecipeKey.optional(
      "compute.precision", Form.choice(ExecutionPolicy.Precision.self), default: .float32,
      "in what training multiplies, and what is kept between convolutions: floats or, where the "
        + "processor has it, bfloat16; what is reported is always computed in floats")
    static let memory = RecipeKey.optional(
      "compute.memory", Form.choice(ComputeSection.Memory.self), default: .normal,
      "low: training computes again what it would keep for long, to need less memory, and takes up "
        + "to half as long again; the results are the same up to rounding")
    static let samplesAtOnce = RecipeKey.automatic(
      "compute.samplesAtOnce", Form.integer(1...10_000),
      else: "chosen, see explanations.md",
      "samples or steps of an explanation in memory at a time; if that is all of them, training "
        + "computes each once, otherwise twice")
  }

  enum Output {
    static let layout = RecipeKey.automatic(
      "output.layout", Form.choice(CheckpointLayout.self), else: "that of `network.checkpoint`",
      "names and axes of the resulting network's file, so that it loads where the original did")
    static let tensorboard = RecipeKey.optional(
      "output.tensorboard", Form.truth, default: false,
      "also write what goes into `metrics.jsonl` as an event file for TensorBoard")
  }

  /// Every key, in the order of the manual.
  public static let all: [RecipeKeyDescription] =
    [
      Network.checkpoint.description,
      Architecture.family.description, Architecture.classes.description,
      Architecture.height.description, Architecture.width.description,
      Architecture.channels.description, Architecture.plan.description,
      Architecture.batchNorm.description, Architecture.classifier.description,
      Architecture.widths.description, Architecture.blocks.description,
      Architecture.graph.description,
      PreprocessingKeys.resize.description, PreprocessingKeys.crop.description,
      PreprocessingKeys.style.description, PreprocessingKeys.channelOrder.description,
      PreprocessingKeys.mean.description, PreprocessingKeys.standardDeviation.description,
      Network.classNames.description,
      Data.train.description, Data.validation.description,
      Shapes.train.description, Shapes.validation.description, Shapes.seed.description,
      AugmentationKeys.whole, AugmentationKeys.scale.description,
      AugmentationKeys.ratio.description, AugmentationKeys.pad.description,
      AugmentationKeys.flip.description, Composites.train.description,
      Composites.validation.description, Composites.seed.description,
      Composites.trainFolder.description, Composites.validationFolder.description,
      Data.threads.description,
      Fooling.name.description, Fooling.lambda.description, Fooling.variant.description,
      Fooling.frameWidth.description, Fooling.mask.description, Fooling.k.description,
      Fooling.classes.description, Fooling.threshold.description, control.description,
    ] + Interpreter.fooled.all + Attack.all + Curvature.all + Influence.all + Study.all + [
      Training.optimizer.description, Training.learningRate.description,
      Training.weightDecay.description, Training.momentum.description,
      Training.nesterov.description, Training.beta1.description, Training.beta2.description,
      Training.epsilon.description, Training.schedule.description,
      Training.warmupSteps.description, Training.steps.description, Training.epochs.description,
      Training.batchSize.description, Training.seed.description, Training.logEvery.description,
      Training.validateEvery.description, Training.validateImages.description,
      Training.saveEvery.description, Training.keepStates.description,
      Training.freezesBatchNorm.description,
    ] + Adversarial.all + Regularizer.all + [
      Evaluation.batchSize.description, Evaluation.interpreters, Evaluation.grid.description,
    ] + Interpreter.measured.all + [
      Report.images.description,
      Compute.threads.description, Compute.winograd.description, Compute.precision.description,
      Compute.memory.description,
      Compute.samplesAtOnce.description, Output.layout.description,
      Output.tensorboard.description,
    ]

  /// The keys directly in the mapping at `path`, in order; those of the whole recipe for "".
  static func names(in path: String) -> [String] {
    var names: [String] = []
    let prefix = path.isEmpty ? "" : path + "."
    for key in all where key.path.hasPrefix(prefix) {
      var name = String(key.path.dropFirst(prefix.count).prefix { $0 != "." })
      if name.hasSuffix("[]") { name.removeLast(2) }
      if !names.contains(name) { names.append(name) }
    }
    return names
  }
}
