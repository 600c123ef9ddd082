import Attacks

extension AttackSpecification {
  static let schema = RecipeSchema(
    AttackSpecification(methods: []),
    [
      .required(
        "methods", \.methods, .list(of: .text(), named: "names", count: 1...100),
        "`trompe attack`: the attacks, one after the other: "
          + AttackKind.all.map { "`\($0.name)`" }.joined(separator: ", ")),
      .defaulted(
        "epsilon", \.epsilons,
        .list(
          of: .number(RecipeNumberRange(from: 1, to: 255)), named: "numbers", count: 1...100),
        "ε, largest change of a sample in units of 0 to 255; a point of the curves for each"),
      .defaulted(
        "stepSize", \.stepSize, .number(.above(0, to: 255)),
        "α, change of a sample in one iteration, in units of 0 to 255"),
      .defaulted("iterations", \.iterations, .integer(1...1_000_000), "P"),
      .defaulted(
        "checkEvery", \.checkEvery, .integer(1...1_000_000),
        "iterations between looks at the iterate by the ReLU network; the best one seen that keeps "
          + "its label is the result"),
      .automatic(
        "k", \.k, .integer(1...(1 << 28)), else: "1000 of 227², the paper's share",
        "heatmap pixels that count as the top, in attacks and in the top-k intersection"),
      .defaulted(
        "beta", \.beta, .number(.above(0, to: 1e6)),
        "β of the softplus that stands for ReLU where directions are computed"),
      .defaulted(
        "images", \.images, .imageCount,
        "images to attack, drawn from those of the validation split that are classified correctly"),
      .defaulted("seed", \.seed, .seed, "of that choice and of random directions"),
      .defaulted(
        "randomDraws", \.randomDraws, .integer(0...10_000),
        "random perturbations of each image at each ε, with whose heatmaps its own is compared; none if 0"
      ),
      .automatic(
        "region", \.region,
        .list(of: .number(RecipeNumberRange(from: 0, to: 1)), named: "numbers", count: 4...4),
        else: "`targeted`: required",
        "`targeted`: left, top, right, bottom of the region, as shares of width and height"),
      .path(
        "target", \.target, else: "the next image",
        "`target-map`: the image whose heatmap all are to get, explained for the class that the "
          + "network gives it"),
      .automatic(
        "logitWeight", \.logitWeight, .number(.notNegative),
        else: "\(TargetMap.defaultLogitWeight)",
        "`target-map`: γ, weight of the mean squared change of the logits against that of the map"),
      .automatic(
        "finalBeta", \.finalBeta, .number(.above(0, to: 1e6)), else: "\(TargetMap.paperFinalBeta)",
        "`target-map`: β of the last iteration, to which it grows from `attack.beta`"),
    ],
    check: { value, section in
      if Set(value.epsilons).count < value.epsilons.count {
        section.report("attack.epsilon has a number twice", at: "epsilon")
      }
      do { try value.check() } catch { section.report("attack: \(error)", at: "methods") }
    })
}
