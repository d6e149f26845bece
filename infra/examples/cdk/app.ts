import { App, CfnOutput, Stack } from "aws-cdk-lib";

import { Waybill } from "./waybill.ts";

const app = new App();

// The folder of the release: `npx cdk deploy --context release=../waybill-0.2.0-arm64`.
const release: string = app.node.getContext("release");

const stack = new Stack(app, "waybill");
const waybill = new Waybill(stack, "Waybill", {
  release,
  parameters: {
    Issuer: "https://issuer.example.com",
    Audience: "waybill",
    Sender: "exports@example.com",
    ProductName: "Example",
    AllowedOrigins: ["https://app.example.com", "https://admin.example.com"],
    GenerateMemory: 2048,
  },
});

// What other parts of the app need from it: here, an output of its own.
new CfnOutput(stack, "ExportsUrl", { value: waybill.output("PublicUrl") });
