import Defences

extension RegularizerSpecification {
  static let schema = RecipeSchema(
    RegularizerSpecification(name: "", weight: 0),
    [
      .required(
        "name", \.name, .text(),
        "`train`: a penalty beside the cross-entropy: "
          + RegularizerKind.all.map { "`\($0.name)`" }.joined(separator: ", ")),
      .required("weight", \.weight, .number(.notNegative), "of the penalty"),
      .automatic(
        "iterations", \.iterations, .integer(1...1000),
        else: "\(SmoothSurface.defaultIterations)", "`ssr`: steps of the power iteration"),
      .automatic(
        "step", \.step, .number(.positive),
        else: "\(CurvatureRegularization.defaultStep); \(LocalGradientAlignment.defaultStep)",
        "`curvature`: h, the distance of the two gradients in normalised space; `gradient-distance`, "
          + "`gradient-angle`: at most so much in each number"),
      .automatic(
        "beta", \.beta, .number(.above(0, to: 1e6)), else: "\(HessianNorm.defaultBeta)",
        "`hessian-norm`: β of the softplus that stands for ReLU in the penalty"),
    ],
    check: { value, section in section.check("name") { _ = try value.regularizer() } })
}
