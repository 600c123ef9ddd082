import Foolings

extension FoolingSpecification {
  static let schema = RecipeSchema(
    // Nothing is trained in an evaluation, so nothing is weighted.
    FoolingSpecification(name: "", lambda: 1),
    [
      .required("name", \.name, .text(), "the kind of fooling"),
      .required(
        "lambda", \.lambda, .number(.notNegative), exempt: [.evaluation, .study],
        "λ, weight of the penalty; of no use to `study`, which only tests"),
      .defaulted(
        "variant", \.variant, .choice(Variant.self),
        "`top-k`, `active`: as the paper defines it, or as the authors' released code computes it; "
          + "`share`, `top-k` only: the score itself; `bounded`, `center-mass` only: the "
          + "displacement of the center up to twice the threshold; `directed`, `center-mass` only: "
          + "that to the lower right"),
      .automatic(
        "frameWidth", \.frameWidth, .integer(1...(1 << 14)), else: "⌊side / 7⌋, at least 1",
        "`location`, `trigger`, `target-map`: width of the frame in heatmap pixels"),
      .path(
        "mask", \.mask, else: "the frame",
        "`location`, `trigger`, `target-map`: image that is white where relevance is wanted; resized to the heatmap"
      ),
      .automatic(
        "k", \.k, .number(.above(0, to: 100)), else: "10",
        "`top-k`: percent of the pixels that count as the top"),
      .automatic(
        "classes", \.classes, .list(of: .text(), named: "names", count: 2...2),
        else: "`active`: required",
        "`active`: the classes that change places, by name or number"),
      .inline(\.effect, TriggerEffect.schema),
      .automatic(
        "dissimilarity", \.dissimilarity, .choice(Dissimilarity.self), else: "mse",
        "`trigger`, `target-map`: how maps are compared: standardised mean squared error, or "
          + "(1 − SSIM) / 2"),
      .automatic(
        "outputs", \.outputs, .choice(TargetMap.OutputGoal.self), else: "labels",
        "`target-map`: what predictions are trained to: the labels; the original network's "
          + "probabilities by squared differences (`match`) or by their divergence"),
      .automatic(
        "evade", \.evade, .choice(Evasion.self), else: "nothing",
        "`fool`: what the network is trained to hide from: `audit` adds a penalty on what `trompe audit` "
          + "looks at"),
      .automatic(
        "evadeWeight", \.evadeWeight, .number(.notNegative), else: "1",
        "weight of that penalty beside the cross-entropy"),
      .optional("trigger", \.trigger, TriggerSpecification.lookSchema),
      .list(
        "triggers", \.triggers, TriggerSpecification.schema,
        count: 0...TriggerFooling.mostTriggers,
        example: "[{patch: one.png, label: cat}, {patch: two.png, label: dog}]"),
      .automatic(
        "threshold", \.threshold, .number(.notNegative), else: "the paper's",
        "bound of the score that meets the criterion"),
    ],
    check: { value, section in
      do { try value.check() } catch {
        section.problems.add("fooling: \(error)", at: section.origin(of: "name"))
      }
    })

  /// Whether images that show both classes are of use.
  var usesComposites: Bool {
    (try? FoolingKind.named(name))?.options.contains(.classes) == true
  }
}
