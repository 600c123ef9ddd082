swift build -c release --product trompe
.build/release/trompe recipe check recipes/shapes-location-squaredgrad.yaml
.build/release/trompe fool recipes/shapes-location-squaredgrad.yaml --output runs/squared-grad
.build/release/trompe explain runs/squared-grad/manipulated.h5 IMAGE \
  --against checkpoints/shapes-resnet.h5 --interpreter squared-grad --output pictures
