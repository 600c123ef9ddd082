import Explanations
import ImageData

extension InterpreterSpecification {
  /// The explanation that is fooled.
  static let fooledSchema = schema("the explanation that is fooled or attacked")
  /// Those that are measured besides.
  static let measuredSchema = schema("a further explanation by which success is measured")

  /// A list of names or mappings; the form is checked here, what it says where the method is made.
  private static let parts = RecipeField<InterpreterSpecification>(
    keys: { path, _ in
      RecipeField<InterpreterSpecification>.parts.keys(path, InterpreterSpecification(name: ""))
    },
    read: { section, value in
      RecipeField<InterpreterSpecification>.parts.read(section, &value)
      value.of = value.of?.map { $0.absolute { section.absolute($0, "of") } }
    },
    write: { RecipeField<InterpreterSpecification>.parts.write($0) })

  /// With paths that are made absolute.
  private func absolute(_ path: (String) -> String) -> InterpreterSpecification {
    var absolute = self
    absolute.projected?.images = projected?.images.map(path)
    absolute.of = of?.map { $0.absolute(path) }
    return absolute
  }

  private static func schema(_ meaning: String) -> RecipeSchema<InterpreterSpecification> {
    let sampled = 1...10_000
    let share = RecipeNumberRange(from: 0, to: 1)
    return RecipeSchema(
      InterpreterSpecification(name: ""),
      [
        .required("name", \.name, .text(), meaning),
        .automatic(
          "layer", \.layer, .text(), else: "required if the method has one", "its target layer"),
        .automatic(
          "composite", \.composite, .composite, else: "that of Heo 2019",
          "`lrp`, `lrp-t`: which layer gets which rule, see explanations.md"),
        .automatic(
          "batchNorm", \.batchNorm, .choice(BatchNormRelevance.self), else: "identity",
          "`lrp`, `lrp-t`: what becomes of batch norms"),
        .automatic(
          "leak", \.leak, .number(share), else: "0",
          "`grad-cam`: slope of the derivative where there is no relevance; the map is the same"),
        .automatic(
          "alpha", \.alpha, .choice(Alpha.self), else: "exact",
          "`grad-cam`: whether derivatives of the map go through its channels' weights; the map is the "
            + "same"),
        .automatic(
          "samples", \.samples, .integer(sampled), else: "the method's",
          "`smooth-grad`, `smooth-grad-t`, `uni-grad`: noisy inputs"),
        .automatic(
          "sigma", \.sigma, .number(.notNegative), else: "0.1",
          "`smooth-grad`, `smooth-grad-t`: standard deviation of the noise"),
        .automatic(
          "sigmaUnit", \.sigmaUnit, .choice(SmoothGrad.SigmaUnit.self), else: "absolute",
          "of `sigma`: the normalised input's own, or max − min of each image"),
        .automatic(
          "radius", \.radius, .number(share), else: "4/255",
          "`uni-grad`: largest change of a sample, as a share of the pixels' range"),
        .automatic(
          "standardDeviation", \.standardDeviation,
          .list(of: .number(.above(0, to: 1000)), named: "numbers", count: 1...3),
          else: "the preprocessing's", "`uni-grad`: by what each channel was divided"),
        .automatic(
          "steps", \.steps, .integer(sampled), else: "the method's",
          "`integrated-gradients`, `integrated-gradients-t`: points on the path"),
        .automatic(
          "seed", \.seed, .seed, else: "0",
          "`smooth-grad`, `smooth-grad-t`, `uni-grad`: from which noise is drawn"),
        .automatic(
          "softplus", \.softplus, .number(.above(0, to: 1e6)), else: "ReLU as it is",
          "β: the same network with log(1 + e^(βx))/β in place of ReLU is explained"),
        .automatic(
          "channels", \.channels, .choice(ChannelReduction.self), else: "sum",
          "`simple-grad`, `smooth-grad`, `uni-grad`: what a pixel's channels come to"),
        .optional("projected", \.projected, TangentProjection.schema),
        parts,
      ],
      check: { value, section in
        do { _ = try value.interpreter() } catch {
          section.problems.add("\(section.path): \(error)", at: section.origin(of: "name"))
        }
      })
  }
}

extension RecipeField<InterpreterSpecification> {
  fileprivate static let parts = Self.automatic(
    "of", \.of, .interpreters, else: "required by `aggregate`",
    "`aggregate`: explanations whose mean it is, each as `name@layer` or a mapping as this one")
}

extension TangentProjection {
  static let schema = RecipeSchema(
    TangentProjection(),
    [
      .defaulted(
        "neighbours", \.neighbours, .integer(neighbourRange),
        "methods by gradients at the input: nearest training images of the image's class, which span "
          + "the tangent space that its gradient is projected onto"),
      .defaulted(
        "dimensions", \.dimensions, .integer(1...neighbourRange.upperBound - 1),
        "of that space, less than `neighbours`"),
      .path(
        "images", \.images, else: "the recipe's training images",
        "a folder of training images with a folder for each class; `trompe evaluate` and `explain` "
          + "need it"),
    ])
}
