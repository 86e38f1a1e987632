//! Where a channel's upstream is, and how paths are made below its address.

use super::address::{self, Address, Kind};
use super::channel::Context;
use super::options::{self, Options};
use crate::provider::Provider;
use crate::reader::{Field, Map};
use crate::snapshot::{Base, Endpoints, PathStyle};

/// The name of Azure's row, whose addresses have a style of their own.
const AZURE: &str = "azure";
/// The base path of Azure's versionless API.
const AZURE_V1: &str = "/openai/v1";

/// The address of a channel and how paths are made below it.
pub(super) struct Place {
    pub(super) base: Base,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) path_style: PathStyle,
    pub(super) query: String,
}

impl Place {
    pub(super) fn read(
        map: &mut Map<'_>,
        provider: &Provider,
        options: &Options,
        context: &Context<'_>,
    ) -> Option<Place> {
        let url = map.take("base_url");
        let exact_field = map.take("exact_url");
        let exact = exact_field.boolean().unwrap_or(false);
        let list = map.take("endpoints");
        let endpoints = address::endpoints(&list, &map.take("balance"), &map.take("health_check"));
        if !url.is_absent() && !list.is_absent() {
            list.error(
                "endpoints beside base_url",
                "keep one: endpoints are the replicas' URLs",
            );
        }
        if exact && url.is_absent() {
            exact_field.error(
                "exact_url without base_url",
                "give the whole address in base_url",
            );
        }
        let kind = if exact { Kind::Exact } else { Kind::Base };
        let address = match &endpoints {
            Some(endpoints) => Address {
                base: endpoints.bases[0].clone(),
                query: String::new(),
            },
            None if !list.is_absent() => return None,
            None => base_url(&url, kind, provider)?,
        };
        let place = Place {
            base: address.base,
            endpoints,
            path_style: if exact {
                PathStyle::Exact
            } else {
                provider.path_style
            },
            query: address.query,
        };
        Some(if provider.name == AZURE && !exact {
            place.on_azure(options, context)
        } else {
            place
        })
    }

    /// Azure has two kinds of addresses: with a version, the deployment is part of the path;
    /// without, it is OpenAI's own API below `/openai/v1`.
    /// <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>
    fn on_azure(mut self, options: &Options, context: &Context<'_>) -> Place {
        let said = options.api_version.clone();
        let is_v1 = self.base.path.ends_with(AZURE_V1);
        let version = said.or_else(|| {
            let variable = context.environment.get("AZURE_DEFAULT_API_VERSION");
            variable
                .filter(|_| !is_v1)
                .and_then(|field| options::api_version(&field))
        });
        if let Some(version) = &version {
            self.query = format!("api-version={version}");
        }
        if version.is_some() && !is_v1 {
            self.path_style = PathStyle::AzureDeployment;
        } else if self.base.path.is_empty() {
            self.base.path = AZURE_V1.to_string();
            for replica in self
                .endpoints
                .iter_mut()
                .flat_map(|endpoints| &mut endpoints.bases)
            {
                replica.path = AZURE_V1.to_string();
            }
        }
        self
    }
}

fn base_url(field: &Field<'_>, kind: Kind, provider: &Provider) -> Option<Address> {
    if !field.is_absent() {
        return address::read(field, kind);
    }
    let own = provider.base_url.as_deref().and_then(address::builtin);
    if own.is_none() {
        field.error(
            format!("missing: {} has no address of its own", provider.name),
            "write base_url: https://host",
        );
    }
    own
}
